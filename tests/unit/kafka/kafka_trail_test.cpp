// How a topic is known again by records that were read from it.
#define CAF_SUITE kafka_trail
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/trail.hpp"

namespace eventy::kafka::detail {
namespace {

RecordFingerprint mark(std::int64_t at, std::uint32_t checksum = 1) {
  return {Offset{at}, 1000 + at, checksum};
}

}  // namespace

CAF_TEST(a_position_is_marked_by_the_newest_known_record_before_it) {
  Trail trail(mark(2));
  for (const std::int64_t at : {10, 14, 19}) trail.add(mark(at));
  CAF_CHECK(trail.before(Offset{10}) == mark(2));
  CAF_CHECK(trail.before(Offset{15}) == mark(14));
  trail.commit({Offset{15}, trail.before(Offset{15})});
  CAF_CHECK(trail.before(Offset{15}) == mark(14));
  CAF_CHECK(trail.before(Offset{20}) == mark(19));
  trail.rewind();
  CAF_CHECK(trail.before(Offset{20}) == mark(14));
}

CAF_TEST(reading_goes_on_from_the_newest_mark_until_its_record_has_come) {
  Trail trail(mark(2));
  trail.add(mark(7));
  trail.verify(Offset{});
  CAF_CHECK_EQUAL(trail.start(Offset{8}).value, 7);
  CAF_CHECK(trail.judge(Offset{6}, {}) == Trail::Verdict::open);
  CAF_CHECK(trail.judge(Offset{7}, {}) == Trail::Verdict::open);  // an end
  CAF_CHECK(trail.judge(Offset{7}, mark(7)) == Trail::Verdict::same);
  CAF_CHECK(!trail.verifying());
  CAF_CHECK_EQUAL(trail.start(Offset{8}).value, 8);
}

CAF_TEST(another_record_or_none_at_its_offset_is_told_apart) {
  for (const auto& [other, verdict] : {std::pair(mark(7, 2), Trail::Verdict::another),
                                       {RecordFingerprint{Offset{7}, 0, 1}, Trail::Verdict::another}}) {
    Trail trail(mark(7));
    trail.verify(Offset{});
    CAF_CHECK(trail.judge(Offset{7}, other) == verdict);
  }
  Trail trail(mark(7));
  trail.verify(Offset{});
  CAF_CHECK(trail.judge(Offset{8}, {}) == Trail::Verdict::missing);
}

CAF_TEST(a_record_that_has_expired_or_is_not_known_is_not_waited_for) {
  Trail trail(mark(7));
  trail.verify(Offset{8});
  CAF_CHECK(!trail.verifying());
  Trail unknown;
  unknown.verify(Offset{});
  CAF_CHECK(!unknown.verifying());
}

CAF_TEST(after_a_rewind_the_record_of_the_committed_position_is_waited_for) {
  Trail trail(mark(2));
  trail.add(mark(7));
  trail.verify(Offset{});
  trail.rewind();
  CAF_CHECK_EQUAL(trail.start(Offset{3}).value, 2);
}

}  // namespace eventy::kafka::detail
