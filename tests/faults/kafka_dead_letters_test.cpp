// Dead letters on a real broker, whose topic takes less than the inputs.
// ctest: KAFKA
#define CAF_SUITE kafka_dead_letters

#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/plain_format.hpp"
#include "support/kafka_broker.hpp"
#include "support/local_node.hpp"
#include "support/topic_log.hpp"

#include "caf/test/unit_test.hpp"

#include <thread>

using namespace eventy;

namespace {

struct Given {
  std::string text;
  EVENTY_FIELDS(text);
  using record = Event<"urn:source", "Given", "1.0.0">;
};

Service refusing() {
  return service<>("refusing").on(exactly_once, [](Turn<NoState>&, const Given&) {
    throw std::runtime_error("not this one");
  });
}

NewRecord given(std::size_t size) {
  Record record(Kind::event, "urn:source", "Given", "urn:source");
  record.set_partition_key("ann");
  record.data = {{"text", Value{std::string(size, 'x')}}};
  return {.key = "ann",
          .value = encode(record, *testing::plain_serializer()->make_encoder()),
          .headers = {{"trace", "t-1"}}};
}

// What becomes of these records: `refusing` makes a dead letter of each.
auto letters_of(RecordStore& store, const std::vector<NewRecord>& inputs) {
  store.append("source-events", inputs).value();
  const SystemClock clock;
  testing::LocalService node(
      store, refusing(),
      {.serializer = testing::plain_serializer(), .state_format = testing::plain_state_format()}, {}, clock,
      1);
  const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
  // Not by position(), which waits for the end of a cycle that only this thread can bring about.
  while (support::log_of(store, "refusing-dead-letters").size() < inputs.size() &&
         std::chrono::steady_clock::now() < deadline) {
    node.round();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return support::log_of(store, "refusing-dead-letters");
}

}  // namespace

CAF_TEST(a_dead_letter_that_its_topic_does_not_take_goes_without_its_bytes_but_with_its_place) {
  kafka::Options options;
  options.bootstrap = eventy::tests::kafka_bootstrap();
  options.prefix = eventy::tests::unique_prefix();
  auto small = options;
  small.max_record_bytes = 1;  // max.message.bytes becomes 64 KiB and this
  kafka::open(small).value()->ensure_topics({{"refusing-dead-letters", 1}}).value();
  const auto store = kafka::open(options).value();
  store->ensure_topics({{"source-events", 1}}).value();
  const std::vector<NewRecord> inputs{given(1000), given(100'000), given(1000)};
  const auto letters = letters_of(*store, inputs);
  CAF_REQUIRE_EQUAL(letters.size(), inputs.size());
  for (std::size_t i = 0; i < letters.size(); ++i) {
    std::map<std::string, std::string> headers(letters[i].headers.begin(), letters[i].headers.end());
    const bool whole = i != 1;
    CAF_CHECK_EQUAL(letters[i].value, whole ? inputs[i].value : "");
    CAF_CHECK_EQUAL(letters[i].key.value_or("none"), "ann");
    CAF_CHECK_EQUAL(headers["trace"], whole ? "t-1" : "");
    CAF_CHECK_EQUAL(headers["eventy-left-out"], whole ? "" : "value");
    CAF_CHECK_EQUAL(headers["eventy-topic"], "source-events");
    CAF_CHECK_EQUAL(headers["eventy-partition"], "0");
    CAF_CHECK_EQUAL(headers["eventy-offset"], std::to_string(i));
    CAF_CHECK_EQUAL(headers["eventy-reason"], "not this one");
  }
}

CAF_TEST(a_tombstone_and_a_null_key_come_back_as_they_were) {
  kafka::Options options;
  options.bootstrap = eventy::tests::kafka_bootstrap();
  options.prefix = eventy::tests::unique_prefix();
  const auto store = kafka::open(options).value();
  store->ensure_topics({{"source-events", 1}}).value();
  const std::vector<NewRecord> inputs{{.key = "ann", .tombstone = true},
                                      {.key = "ann", .value = ""},
                                      {.key = std::nullopt, .value = "x"},
                                      {.key = "", .value = "x"}};
  const auto letters = letters_of(*store, inputs);
  CAF_REQUIRE_EQUAL(letters.size(), inputs.size());
  for (std::size_t i = 0; i < letters.size(); ++i) {
    CAF_CHECK(letters[i].key == inputs[i].key);
    CAF_CHECK_EQUAL(letters[i].tombstone, inputs[i].tombstone);
    CAF_CHECK_EQUAL(letters[i].value, inputs[i].value);
    const std::map<std::string, std::string> headers(letters[i].headers.begin(), letters[i].headers.end());
    CAF_CHECK_EQUAL(headers.at("eventy-reason").starts_with("a tombstone"), inputs[i].tombstone);
  }
}
