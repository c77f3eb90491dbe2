// What one would write by hand for the counter alone: consume, parse, count in a map, encode, produce,
// commit. No envelope rules, no rebalances, no restart: partitions are assigned once, counts begin at 0.
// usage: bench_raw_loop BOOTSTRAP IN OUT CHANGELOG GROUP exactly|atleast PAIRS INTERVAL_MS
// Each pair is a thread with a consumer of every PAIRS-th partition and a producer. Ends on SIGTERM.
#include <simdjson.h>
#include <csignal>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tests/bench/peers/rdkafka.hpp"
#include "tests/bench/peers/records.hpp"

namespace {

using namespace eventy::benchmark;

constexpr int partitions = 8;
constexpr std::size_t messages_per_poll = 4096, block_size = 1u << 20;
constexpr int poll_ms = 5, patience_ms = 30'000;

std::atomic<bool> stopping = false;

struct Plan {
  std::string bootstrap, in, out, changelog, group;
  bool transactional = true;
  int pairs = 1;
  std::chrono::milliseconds interval{100};
};

// Bytes that stay where they are until reset(): librdkafka sends from there without a copy.
class Arena {
 public:
  char* put(std::string_view bytes) {
    if (block_ == blocks_.size() || used_ + bytes.size() > block_size) {
      if (block_ < blocks_.size()) ++block_;
      if (block_ == blocks_.size()) blocks_.push_back(std::make_unique<char[]>(block_size));
      used_ = 0;
    }
    char* at = blocks_[block_].get() + used_;
    std::memcpy(at, bytes.data(), bytes.size());
    used_ += bytes.size();
    return at;
  }
  void reset() { block_ = used_ = 0; }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_ = {};
  std::size_t block_ = 0, used_ = 0;
};

struct Tally {
  std::int64_t count = 0;
  bool changed = false;
  int partition = 0;
};

class Pair {
 public:
  Pair(const Plan& plan, int number) : plan_(plan), seed_(static_cast<std::uint64_t>(now_us()) + number) {
    open_producer(number);
    open_consumer(number);
    next_.fill(-1);
  }

  void run() {
    std::vector<rd_kafka_message_t*> messages(messages_per_poll);
    while (!stopping) {
      const auto count =
          rd_kafka_consume_batch_queue(queue_.get(), poll_ms, messages.data(), messages.size());
      if (count < 0) fail("cannot read");
      date_.clear();
      for (ssize_t i = 0; i < count; ++i) {
        const auto* m = messages[static_cast<std::size_t>(i)];
        must(m->err, "cannot read");
        handle(*m);
      }
      for (ssize_t i = 0; i < count; ++i) rd_kafka_message_destroy(messages[static_cast<std::size_t>(i)]);
      for (int p = 0; p < partitions; ++p) produce(out_.get(), p, outputs_[static_cast<std::size_t>(p)]);
      rd_kafka_poll(producer_.get(), 0);
      if (open_ && std::chrono::steady_clock::now() - opened_ >= plan_.interval) commit();
    }
    rd_kafka_consumer_close(consumer_.get());
  }

 private:
  void open_producer(int number) {
    const std::string limit = "10000000", kbytes = "2000000";
    producer_ = plan_.transactional
                    ? make_handle(RD_KAFKA_PRODUCER, plan_.bootstrap,
                                  {{"transactional.id", plan_.group + "-" + std::to_string(number)},
                                   {"queue.buffering.max.messages", limit},
                                   {"queue.buffering.max.kbytes", kbytes},
                                   {"linger.ms", "5"}},
                                  stop_on_failed_delivery)
                    : make_handle(RD_KAFKA_PRODUCER, plan_.bootstrap,
                                  {{"enable.idempotence", "true"},
                                   {"queue.buffering.max.messages", limit},
                                   {"queue.buffering.max.kbytes", kbytes},
                                   {"linger.ms", "5"}},
                                  stop_on_failed_delivery);
    if (plan_.transactional)
      must(rd_kafka_init_transactions(producer_.get(), patience_ms), "cannot begin with transactions");
    out_.reset(rd_kafka_topic_new(producer_.get(), plan_.out.c_str(), nullptr));
    changelog_.reset(rd_kafka_topic_new(producer_.get(), plan_.changelog.c_str(), nullptr));
    for (auto* topic : {out_.get(), changelog_.get()}) {  // or the first transaction takes a second
      const rd_kafka_metadata_t* metadata = nullptr;
      must(rd_kafka_metadata(producer_.get(), 0, topic, &metadata, patience_ms), "cannot see a topic");
      rd_kafka_metadata_destroy(metadata);
    }
  }

  void open_consumer(int number) {
    // Fetching that stops at a full queue goes on a second later: more than a second's worth.
    consumer_ = make_handle(RD_KAFKA_CONSUMER, plan_.bootstrap,
                            {{"group.id", plan_.group},
                             {"enable.auto.commit", "false"},
                             {"enable.auto.offset.store", "false"},
                             {"auto.offset.reset", "earliest"},
                             {"isolation.level", "read_committed"},
                             {"check.crcs", "true"},
                             {"queued.min.messages", "250000"},
                             {"queued.max.messages.kbytes", "1000000"}});
    rd_kafka_poll_set_consumer(consumer_.get());
    queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
    const auto list = make_list();
    for (int p = number; p < partitions; p += plan_.pairs)
      rd_kafka_topic_partition_list_add(list.get(), plan_.in.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    must(rd_kafka_assign(consumer_.get(), list.get()), "cannot assign");
  }

  void handle(const rd_kafka_message_t& m) {
    if (!open_) begin();
    padded_.assign(static_cast<const char*>(m.payload), m.len);
    padded_.append(simdjson::SIMDJSON_PADDING, '\0');
    std::string_view chain, key, page;
    std::int64_t n = 0;
    for (const auto field : parser_.parse(padded_.data(), m.len, false).get_object()) {
      if (field.key == "correlation_id") {
        chain = field.value.get_string();
      } else if (field.key == "partition_key") {
        key = field.value.get_string();
      } else if (field.key == "data") {
        n = field.value["n"].get_int64();
        page = field.value["page"].get_string();
      }
    }
    if (n < 0 || page.empty()) fail("a record without its fields");
    auto [it, fresh] = counts_.try_emplace(std::string(key));
    Tally& tally = it->second;
    ++tally.count;
    tally.partition = m.partition;
    if (!std::exchange(tally.changed, true)) changed_.push_back(&*it);
    encode(chain, key, tally.count);
    rd_kafka_message_t& out = outputs_[static_cast<std::size_t>(m.partition)].emplace_back();
    out.payload = arena_.put(text_);
    out.len = text_.size();
    out.key = const_cast<char*>(it->first.data());
    out.key_len = it->first.size();
    next_[static_cast<std::size_t>(m.partition)] = m.offset + 1;
  }

  void encode(std::string_view chain, std::string_view key, std::int64_t count) {
    if (date_.empty()) append_date(date_, now_us() / 1000);  // of this batch
    text_ =
        R"({"type":"EVENT","namespace":"urn:counter","name":"Counted","protocol_version":"3.0.0","version":"1.0.0","source":"urn:counter","uuid":")";
    append_uuid(text_, seed_);
    text_ += R"(","correlation_id":")";
    text_ += chain;
    text_ += R"(","partition_key":")";
    text_ += key;
    text_ += '"';
    text_ += date_;
    text_ += R"(,"context":{},"data":{"key":")";
    text_ += key;
    text_ += R"(","count":)";
    append_number(text_, count);
    text_ += "}}";
  }

  void produce(rd_kafka_topic_t* topic, int partition, std::vector<rd_kafka_message_t>& messages) {
    if (messages.empty()) return;
    const auto count = static_cast<int>(messages.size());
    if (rd_kafka_produce_batch(topic, partition, 0, messages.data(), count) != count)
      fail("a record was not accepted");
    messages.clear();
  }

  void begin() {
    if (plan_.transactional) must(rd_kafka_begin_transaction(producer_.get()), "cannot begin");
    open_ = true;
    opened_ = std::chrono::steady_clock::now();
  }

  void commit() {
    for (auto* entry : changed_) {
      auto& [key, tally] = *entry;
      tally.changed = false;
      text_.clear();
      append_number(text_, tally.count);
      rd_kafka_message_t& out = outputs_[static_cast<std::size_t>(tally.partition)].emplace_back();
      out.payload = arena_.put(text_);
      out.len = text_.size();
      out.key = const_cast<char*>(key.data());
      out.key_len = key.size();
    }
    changed_.clear();
    for (int p = 0; p < partitions; ++p) produce(changelog_.get(), p, outputs_[static_cast<std::size_t>(p)]);
    const auto list = make_list();
    for (int p = 0; p < partitions; ++p) {
      if (const auto next = std::exchange(next_[static_cast<std::size_t>(p)], -1); next >= 0)
        rd_kafka_topic_partition_list_add(list.get(), plan_.in.c_str(), p)->offset = next;
    }
    if (plan_.transactional) {
      auto* group = rd_kafka_consumer_group_metadata(consumer_.get());
      must(rd_kafka_send_offsets_to_transaction(producer_.get(), list.get(), group, patience_ms),
           "cannot send positions");
      rd_kafka_consumer_group_metadata_destroy(group);
      must(rd_kafka_commit_transaction(producer_.get(), patience_ms), "cannot commit");
    } else {
      must(rd_kafka_flush(producer_.get(), patience_ms), "cannot write");
      must(rd_kafka_commit(consumer_.get(), list.get(), 0), "cannot commit");
    }
    arena_.reset();
    open_ = false;
  }

  const Plan& plan_;
  Handle producer_ = {}, consumer_ = {};
  Queue queue_ = {};
  TopicHandle out_ = {}, changelog_ = {};
  simdjson::dom::parser parser_{};
  std::unordered_map<std::string, Tally> counts_ = {};
  std::vector<std::pair<const std::string, Tally>*> changed_ = {};
  std::array<std::vector<rd_kafka_message_t>, partitions> outputs_ = {};
  std::array<std::int64_t, partitions> next_ = {};
  Arena arena_ = {};
  std::string padded_ = {}, text_ = {}, date_ = {};
  std::uint64_t seed_;
  bool open_ = false;
  std::chrono::steady_clock::time_point opened_ = {};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9)
    fail("usage: bench_raw_loop BOOTSTRAP IN OUT CHANGELOG GROUP exactly|atleast PAIRS INTERVAL_MS");
  const Plan plan{.bootstrap = argv[1],
                  .in = argv[2],
                  .out = argv[3],
                  .changelog = argv[4],
                  .group = argv[5],
                  .transactional = argv[6] == std::string("exactly"),
                  .pairs = std::atoi(argv[7]),
                  .interval = std::chrono::milliseconds(std::atoi(argv[8]))};
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { stopping = true; });
  std::vector<std::thread> threads;
  for (int i = 0; i < plan.pairs; ++i)
    threads.emplace_back([&plan, i] {
      const auto pair = std::make_unique<Pair>(plan, i);
      pair->run();
    });
  for (auto& thread : threads) thread.join();
}
