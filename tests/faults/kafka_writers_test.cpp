// What is written at once, on a real broker: by several threads through one producer, and after a fatal
// error; and the end of a transaction that is fenced.
//
// ctest: KAFKA
#define CAF_SUITE kafka_writers

#include "adapters/kafka/producer.hpp"
#include "adapters/kafka/transactional_producer.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

#include "caf/test/unit_test.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>
#include <thread>

using namespace eventy;
using kafka::detail::Client;
using kafka::detail::Producer;
using kafka::detail::TransactionalProducer;

namespace {

struct Fixture {
  Fixture() {
    options.bootstrap = eventy::tests::kafka_bootstrap();
    options.prefix = eventy::tests::unique_prefix();
    options.log =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
    store = kafka::open(options).value();
    store->ensure_topics({{"out", 1}}).value();
    client = Client::make(options).value();
  }
  std::vector<std::string> all(std::size_t count) {
    std::vector<std::string> values;
    const auto reader = store->read("out", PartitionId{0}, Offset{0}).value();
    while (values.size() < count) {
      const auto batch = reader->next({}).value();
      for (const auto& record : batch->records) values.emplace_back(record.value);
      if (batch->records.empty()) break;
    }
    return values;
  }
  Client::Outgoing record(std::string_view value) const {
    return {.to = {options.prefix + "out", 0}, .value = value};
  }

  std::ostringstream lines = {};
  kafka::Options options = {};
  std::unique_ptr<RecordStore> store = {};
  std::shared_ptr<Client> client = {};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(writers, Fixture)

// Each of them may get the deliveries of all the others. ThreadSanitizer sees what goes wrong without a lock.
CAF_TEST(several_threads_write_through_one_producer_and_each_gets_its_own_offsets) {
  constexpr std::size_t threads = 4, calls = 50, records = 5;
  Producer producer(client);
  std::vector<std::vector<std::pair<Offset, std::string>>> written(threads);
  std::vector<std::thread> writers;
  for (std::size_t t = 0; t < threads; ++t)
    writers.emplace_back([&, t] {
      for (std::size_t c = 0; c < calls; ++c) {
        std::vector<std::string> values;
        for (std::size_t r = 0; r < records; ++r)
          values.push_back(std::to_string(t) + "-" + std::to_string(c) + "-" + std::to_string(r));
        std::vector<Client::Outgoing> outgoing;
        for (const auto& value : values) outgoing.push_back(record(value));
        const auto offsets = producer.write(outgoing);
        if (!offsets) return;
        for (std::size_t r = 0; r < records; ++r) written[t].emplace_back((*offsets)[r], values[r]);
      }
    });
  for (auto& writer : writers) writer.join();
  const auto found = all(threads * calls * records);
  CAF_REQUIRE_EQUAL(found.size(), threads * calls * records);
  for (const auto& of_one : written) {
    CAF_REQUIRE_EQUAL(of_one.size(), calls * records);
    CAF_CHECK(std::is_sorted(of_one.begin(), of_one.end(),
                             [](const auto& a, const auto& b) { return a.first < b.first; }));
    CAF_CHECK(std::all_of(of_one.begin(), of_one.end(), [&](const auto& one) {
      return found[static_cast<std::size_t>(one.first.value)] == one.second;
    }));
  }
}

CAF_TEST(a_producer_with_a_fatal_error_is_replaced) {
  Producer producer(client);
  producer.write({record("before")}).value();
  const auto dead = producer.handle();
  rd_kafka_test_fatal_error(dead.get(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "for this test");
  const auto after = producer.write({record("after")});
  if (!after) CAF_FAIL(after.error().message);
  CAF_CHECK(producer.handle() != dead);
  CAF_CHECK(all(2) == std::vector<std::string>({"before", "after"}));
}

// A refusal of a request that comes while its handle ends would make librdkafka free its error twice.
CAF_TEST(a_fenced_transaction_ends_with_nothing_in_flight) {
  constexpr int partitions = 8, rounds = 30;
  store->ensure_topics({{"wide", partitions}}).value();
  const auto id = options.prefix + "fenced";
  const auto add_to_all = [&](TransactionalProducer& transaction) {
    for (int p = 0; p < partitions; ++p)
      (void)transaction.add(Client::Outgoing{.to = {options.prefix + "wide", p}, .value = "x"});
  };
  for (int round = 0; round < rounds; ++round) {
    auto fenced = TransactionalProducer::open(*client, id).value();
    fenced->begin().value();
    add_to_all(*fenced);
    const auto newer = TransactionalProducer::open(*client, id).value();
    add_to_all(*fenced);
    std::this_thread::sleep_for(std::chrono::microseconds(200 * (round % 40)));
    fenced.reset();
  }
  CAF_CHECK(lines.str().find("TXNERR") != std::string::npos);  // some were refused while it was there
  CAF_CHECK(lines.str().find("still in queue or transit") == std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
