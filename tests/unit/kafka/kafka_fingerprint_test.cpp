// How a topic partition is recognised by records that were read from it.
#define CAF_SUITE kafka_fingerprint
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/partition_fingerprint.hpp"

namespace eventy::kafka::detail {
namespace {

RecordFingerprint record(std::int64_t at, std::uint32_t checksum = 1) {
  return {Offset{at}, 1000 + at, checksum};
}

}  // namespace

CAF_TEST(a position has the fingerprint of the newest known record before it) {
  PartitionFingerprint fingerprint(record(2));
  for (const std::int64_t at : {10, 14, 19}) fingerprint.add(record(at));
  CAF_CHECK(fingerprint.newest_before(Offset{10}) == record(2));
  CAF_CHECK(fingerprint.newest_before(Offset{15}) == record(14));
  fingerprint.commit({Offset{15}, fingerprint.newest_before(Offset{15})});
  CAF_CHECK(fingerprint.newest_before(Offset{15}) == record(14));
  CAF_CHECK(fingerprint.newest_before(Offset{20}) == record(19));
  fingerprint.rewind();
  CAF_CHECK(fingerprint.newest_before(Offset{20}) == record(14));
}

CAF_TEST(reading continues from the newest known record until it has come) {
  PartitionFingerprint fingerprint(record(2));
  fingerprint.add(record(7));
  fingerprint.verify(Offset{});
  CAF_CHECK_EQUAL(fingerprint.start(Offset{8}).value, 7);
  CAF_CHECK(fingerprint.judge(Offset{6}, {}) == PartitionFingerprint::Verdict::open);
  CAF_CHECK(fingerprint.judge(Offset{7}, {}) == PartitionFingerprint::Verdict::open);  // an end
  CAF_CHECK(fingerprint.judge(Offset{7}, record(7)) == PartitionFingerprint::Verdict::same);
  CAF_CHECK(!fingerprint.verifying());
  CAF_CHECK_EQUAL(fingerprint.start(Offset{8}).value, 8);
}

CAF_TEST(another record or none at its offset is told apart) {
  for (const auto& [other, verdict] :
       {std::pair(record(7, 2), PartitionFingerprint::Verdict::another),
        {RecordFingerprint{Offset{7}, 0, 1}, PartitionFingerprint::Verdict::another}}) {
    PartitionFingerprint fingerprint(record(7));
    fingerprint.verify(Offset{});
    CAF_CHECK(fingerprint.judge(Offset{7}, other) == verdict);
  }
  PartitionFingerprint fingerprint(record(7));
  fingerprint.verify(Offset{});
  CAF_CHECK(fingerprint.judge(Offset{8}, {}) == PartitionFingerprint::Verdict::missing);
}

CAF_TEST(a record that has expired or is not known is not waited for) {
  PartitionFingerprint fingerprint(record(7));
  fingerprint.verify(Offset{8});
  CAF_CHECK(!fingerprint.verifying());
  PartitionFingerprint unknown;
  unknown.verify(Offset{});
  CAF_CHECK(!unknown.verifying());
}

CAF_TEST(after a rewind the record of the committed position is waited for) {
  PartitionFingerprint fingerprint(record(2));
  fingerprint.add(record(7));
  fingerprint.verify(Offset{});
  fingerprint.rewind();
  CAF_CHECK_EQUAL(fingerprint.start(Offset{3}).value, 2);
}

}  // namespace eventy::kafka::detail
