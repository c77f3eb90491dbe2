// Clients against what one would write by hand, in turn in one run.
//   bench_clients kafka BOOTSTRAP [RECORDS] [RUNS]   emits, against a raw loop of rd_kafka_produce of the
//   same bytes bench_clients embedded FOLDER [SECONDS] [RUNS]   64 threads that each wait for each emit,
//   against one
// Prints the medians and the ratio. Exit code 3: the goal was missed.
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "eventy/client.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "tests/bench/workload.hpp"

namespace {

using namespace eventy;
using namespace eventy::benchmark;

constexpr double goal_of_kafka = 0.8, goal_of_embedded = 20;
constexpr std::size_t max_pending_bytes = 256u << 20;  // of a client, and of the raw loop

struct Clicked {
  std::int64_t n = 0;
  std::string page = {};
  EVENTY_FIELDS(n, page);
  using record = Event<"urn:bench", "Clicked", "1.0.0">;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_clients: %s\n", what.c_str());
  std::exit(1);
}

double now() { return usage_now().wall; }

// --- Kafka ---

double emit(const std::string& bootstrap, const std::string& prefix, std::size_t records) {
  const auto store = kafka::open({.bootstrap = bootstrap, .prefix = prefix}).value();
  store->ensure_topics({{"bench-events", partitions}}).value();
  const Client client =
      Client::on(*store, {.serializer = json::serializer()}, {.max_pending_bytes = max_pending_bytes});
  client.emit(Clicked{}, {.key = "first"}).get(Duration(30'000)).value();
  std::atomic<std::size_t> stored = 0;
  const double began = now();
  for (std::size_t i = 0; i < records; ++i) {
    const std::string key = key_of(i);
    const Clicked event{static_cast<std::int64_t>(i), "/products/teapots/cast-iron"};
    bool is_taken = false;
    while (!is_taken) {
      is_taken = true;
      client.emit(event, {.key = key}, [&](const Result<Stored>& at) {
        if (at) {
          ++stored;
        } else if (at.error().code == ErrorCode::full) {
          is_taken = false;  // by the caller's thread
        } else {
          fail(at.error().message);
        }
      });
      if (!is_taken) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  while (stored < records) std::this_thread::sleep_for(std::chrono::microseconds(200));
  return static_cast<double>(records) / (now() - began);
}

void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char text[512];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) fail(text);
}

double produce(const std::string& bootstrap, const std::string& topic, std::size_t records) {
  std::atomic<std::size_t> delivered = 0;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap.c_str());
  set(conf, "enable.idempotence", "true");
  set(conf, "queue.buffering.max.messages", "10000000");
  set(conf, "queue.buffering.max.kbytes", "262144");
  rd_kafka_conf_set_opaque(conf, &delivered);
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    if (message->err) fail(rd_kafka_err2str(message->err));
    ++*static_cast<std::atomic<std::size_t>*>(opaque);
  });
  char text[512];
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (!producer) fail(text);
  rd_kafka_topic_t* to = rd_kafka_topic_new(producer, topic.c_str(), nullptr);
  const auto encoder = json::serializer()->make_encoder();
  const std::string value = clicked(0, *encoder).value;
  const auto send = [&](const std::string& key) {
    const auto partition = static_cast<std::int32_t>(partition_of(key, partitions).value);
    while (rd_kafka_produce(to, partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()), value.size(),
                            key.data(), key.size(), nullptr) != 0)
      rd_kafka_poll(producer, 1);
  };
  std::atomic<bool> ends = false;
  std::thread polling([&] {
    while (!ends) rd_kafka_poll(producer, 50);
  });
  send("first");
  while (delivered < 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double began = now();
  for (std::size_t i = 0; i < records; ++i) send(key_of(i));
  while (delivered < records + 1) std::this_thread::sleep_for(std::chrono::microseconds(200));
  const double rate = static_cast<double>(records) / (now() - began);
  ends = true;
  polling.join();
  rd_kafka_topic_destroy(to);
  rd_kafka_destroy(producer);
  return rate;
}

int measure_kafka(const std::string& bootstrap, std::size_t records, int runs) {
  std::vector<double> ours, raw, ratios;
  for (int run = 0; run < runs; ++run) {
    const std::string prefix = "clients-" + std::to_string(getpid()) + "-" + std::to_string(run) + "-";
    ours.push_back(emit(bootstrap, prefix, records));
    raw.push_back(produce(bootstrap, prefix + "bench-events", records));
    ratios.push_back(ours.back() / raw.back());
    std::printf("run %d: %.0f emits/s, raw loop %.0f records/s\n", run + 1, ours.back(), raw.back());
  }
  std::printf("kafka: %.0f emits/s, raw loop %.0f records/s: %.2f x (goal %.1f x)\n", median(ours),
              median(raw), median(ratios), goal_of_kafka);
  return median(ratios) < goal_of_kafka ? 3 : 0;
}

// --- embedded ---

double waiting(const Client& client, int threads, double seconds) {
  std::atomic<std::size_t> stored = 0;
  std::vector<std::thread> all;
  const double began = now();
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (std::size_t i = static_cast<std::size_t>(t); now() - began < seconds; ++i) {
        client.emit(Clicked{static_cast<std::int64_t>(i), "/products"}, {.key = key_of(i)})
            .get(Duration(30'000))
            .value();
        ++stored;
      }
    });
  for (auto& thread : all) thread.join();
  return static_cast<double>(stored) / (now() - began);
}

int measure_embedded(const std::filesystem::path& folder, double seconds, int runs) {
  const auto store = rocksdb::open({.path = folder / "data", .sync = true}).value();
  store->ensure_topics({{"bench-events", partitions}}).value();
  const Client client = Client::on(*store, {.serializer = json::serializer()});
  std::vector<double> many, one, ratios;
  for (int run = 0; run < runs; ++run) {
    one.push_back(waiting(client, 1, seconds));
    many.push_back(waiting(client, 64, seconds));
    ratios.push_back(many.back() / one.back());
    std::printf("run %d: 64 threads %.0f emits/s, one %.0f emits/s\n", run + 1, many.back(), one.back());
  }
  std::printf("embedded, synced: 64 threads %.0f emits/s, one %.0f emits/s: %.1f x (goal %.0f x)\n",
              median(many), median(one), median(ratios), goal_of_embedded);
  return median(ratios) < goal_of_embedded ? 3 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  const double amount = argc > 3 ? std::atof(argv[3]) : 0;
  const int runs = argc > 4 ? std::atoi(argv[4]) : 5;
  if (mode == "kafka")
    return measure_kafka(argv[2], amount > 0 ? static_cast<std::size_t>(amount) : 1'000'000, runs);
  if (mode == "embedded") return measure_embedded(argv[2], amount > 0 ? amount : 3, runs);
  fail("usage: bench_clients kafka BOOTSTRAP [RECORDS] [RUNS] | embedded FOLDER [SECONDS] [RUNS]");
}
