// The partitions of keys, against what the other clients compute.
#define CAF_SUITE core_partitioner
#include "eventy/core/partitioner.hpp"

#include <caf/test/unit_test.hpp>

#include <stdexcept>
#include <string>

namespace eventy {

CAF_TEST(murmur2_is_that_of_the_java_client) {
  // The vectors of the client's own tests.
  CAF_CHECK_EQUAL(static_cast<std::int32_t>(murmur2("21")), -973932308);
  CAF_CHECK_EQUAL(static_cast<std::int32_t>(murmur2("foobar")), -790332482);
  CAF_CHECK_EQUAL(static_cast<std::int32_t>(murmur2("a-little-bit-long-string")), -985981536);
  CAF_CHECK_EQUAL(static_cast<std::int32_t>(murmur2("a-little-bit-longer-string")), -1486304829);
  CAF_CHECK_EQUAL(static_cast<std::int32_t>(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")),
                  -58897971);
  CAF_CHECK_EQUAL(static_cast<std::int32_t>(murmur2("abc")), 479470107);
}

CAF_TEST(fnv1a_is_that_of_sarama) {
  CAF_CHECK_EQUAL(fnv1a("kafka"), 0xd33c4e1u);
  CAF_CHECK_EQUAL(fnv1a("giberish123456789"), 0x77a58295u);
  CAF_CHECK_EQUAL(fnv1a(""), 0x7ee3623bu);
}

CAF_TEST(a_hash_without_its_sign_gives_the_partition) {
  CAF_CHECK_EQUAL(partition_of("21", 10, Partitioner::murmur2).value, (3321034988u & 0x7fffffff) % 10);
  CAF_CHECK_EQUAL(partition_of("kafka", 10, Partitioner::fnv1a).value, 0xd33c4e1u % 10);
  CAF_CHECK_EQUAL(partition_of("123456789", 12, Partitioner::crc32).value, 0xcbf43926u % 12);
}

CAF_TEST(bytes_beyond_ascii_count_as_they_are) {
  CAF_CHECK(murmur2("\xff\xfe\xfd\xfc\xfb") != murmur2("\x7f\x7e\x7d\x7c\x7b"));
  CAF_CHECK(fnv1a("\xff") != fnv1a("\x7f"));
}

CAF_TEST(a_partitioner_is_known_by_its_name) {
  for (const auto p : {Partitioner::crc32, Partitioner::murmur2, Partitioner::fnv1a})
    CAF_CHECK(partitioner_named(to_string(p)) == p);
  CAF_CHECK(!partitioner_named("murmur3"));
}

CAF_TEST(no_partitions_are_an_error) {
  bool refused = false;
  try {
    partition_of("k", 0, Partitioner::murmur2);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CAF_CHECK(refused);
}

}  // namespace eventy
