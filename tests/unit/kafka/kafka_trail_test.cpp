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

CAF_TEST(a position is marked by the newest known record before it) {
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

CAF_TEST(reading goes on from the newest mark until its record has come) {
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

CAF_TEST(another record or none at its offset is told apart) {
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

CAF_TEST(a record that has expired or is not known is not waited for) {
  Trail trail(mark(7));
  trail.verify(Offset{8});
  CAF_CHECK(!trail.verifying());
  Trail unknown;
  unknown.verify(Offset{});
  CAF_CHECK(!unknown.verifying());
}

CAF_TEST(after a rewind the record of the committed position is waited for) {
  Trail trail(mark(2));
  trail.add(mark(7));
  trail.verify(Offset{});
  trail.rewind();
  CAF_CHECK_EQUAL(trail.start(Offset{3}).value, 2);
}

}  // namespace eventy::kafka::detail
