// How a topic is known again by records that were read from it.
#define CAF_SUITE kafka_fingerprint
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/partition_fingerprint.hpp"

namespace eventy::kafka::detail {
namespace {

RecordFingerprint mark(std::int64_t at, std::uint32_t checksum = 1) {
  return {Offset{at}, 1000 + at, checksum};
}

}  // namespace

CAF_TEST(a position is marked by the newest known record before it) {
  PartitionFingerprint fingerprint(mark(2));
  for (const std::int64_t at : {10, 14, 19}) fingerprint.add(mark(at));
  CAF_CHECK(fingerprint.before(Offset{10}) == mark(2));
  CAF_CHECK(fingerprint.before(Offset{15}) == mark(14));
  fingerprint.commit({Offset{15}, fingerprint.before(Offset{15})});
  CAF_CHECK(fingerprint.before(Offset{15}) == mark(14));
  CAF_CHECK(fingerprint.before(Offset{20}) == mark(19));
  fingerprint.rewind();
  CAF_CHECK(fingerprint.before(Offset{20}) == mark(14));
}

CAF_TEST(reading goes on from the newest mark until its record has come) {
  PartitionFingerprint fingerprint(mark(2));
  fingerprint.add(mark(7));
  fingerprint.verify(Offset{});
  CAF_CHECK_EQUAL(fingerprint.start(Offset{8}).value, 7);
  CAF_CHECK(fingerprint.judge(Offset{6}, {}) == PartitionFingerprint::Verdict::open);
  CAF_CHECK(fingerprint.judge(Offset{7}, {}) == PartitionFingerprint::Verdict::open);  // an end
  CAF_CHECK(fingerprint.judge(Offset{7}, mark(7)) == PartitionFingerprint::Verdict::same);
  CAF_CHECK(!fingerprint.verifying());
  CAF_CHECK_EQUAL(fingerprint.start(Offset{8}).value, 8);
}

CAF_TEST(another record or none at its offset is told apart) {
  for (const auto& [other, verdict] :
       {std::pair(mark(7, 2), PartitionFingerprint::Verdict::another),
        {RecordFingerprint{Offset{7}, 0, 1}, PartitionFingerprint::Verdict::another}}) {
    PartitionFingerprint fingerprint(mark(7));
    fingerprint.verify(Offset{});
    CAF_CHECK(fingerprint.judge(Offset{7}, other) == verdict);
  }
  PartitionFingerprint fingerprint(mark(7));
  fingerprint.verify(Offset{});
  CAF_CHECK(fingerprint.judge(Offset{8}, {}) == PartitionFingerprint::Verdict::missing);
}

CAF_TEST(a record that has expired or is not known is not waited for) {
  PartitionFingerprint fingerprint(mark(7));
  fingerprint.verify(Offset{8});
  CAF_CHECK(!fingerprint.verifying());
  PartitionFingerprint unknown;
  unknown.verify(Offset{});
  CAF_CHECK(!unknown.verifying());
}

CAF_TEST(after a rewind the record of the committed position is waited for) {
  PartitionFingerprint fingerprint(mark(2));
  fingerprint.add(mark(7));
  fingerprint.verify(Offset{});
  fingerprint.rewind();
  CAF_CHECK_EQUAL(fingerprint.start(Offset{3}).value, 2);
}

}  // namespace eventy::kafka::detail
