// The partitions of keys, against the functions of librdkafka itself.
#define CAF_SUITE kafka_partitioners
#include <caf/test/unit_test.hpp>
#include <librdkafka/rdkafka.h>

#include <random>

#include "eventy/core/partitioner.hpp"

namespace eventy {

CAF_TEST(keys_lie_where_librdkafka_puts_them) {
  const unsigned seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string key(1 + random() % 60, '\0');
    for (char& c : key) c = static_cast<char>(random());
    const auto count = static_cast<std::int32_t>(1 + random() % 100);
    const auto by_librdkafka = [&](auto partitioner) {
      return static_cast<std::uint32_t>(
          partitioner(nullptr, key.data(), key.size(), count, nullptr, nullptr));
    };
    const auto by_us = [&](Partitioner p) {
      return partition_of(key, static_cast<std::uint32_t>(count), p).value;
    };
    CAF_REQUIRE_EQUAL(by_us(Partitioner::crc32), by_librdkafka(rd_kafka_msg_partitioner_consistent_random));
    CAF_REQUIRE_EQUAL(by_us(Partitioner::murmur2), by_librdkafka(rd_kafka_msg_partitioner_murmur2_random));
    CAF_REQUIRE_EQUAL(by_us(Partitioner::fnv1a), by_librdkafka(rd_kafka_msg_partitioner_fnv1a_random));
  }
}

}  // namespace eventy
