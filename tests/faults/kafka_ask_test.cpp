// Clients and questions of two nodes on a real broker: records go in by one, answers come from the owner of a
// key, and after its end from the other.
// ctest: KAFKA TIMEOUT 180
#define CAF_SUITE kafka_ask
#include "eventy/node.hpp"

#include <caf/test/unit_test.hpp>

#include <filesystem>
#include <thread>

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "support/kafka_broker.hpp"

namespace eventy {
namespace {

using namespace std::chrono_literals;

struct Placed {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = Event<"urn:shop", "Placed", "1.0.0">;
};
struct Total {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = Response<"urn:totals", "Total", "1.0.0">;
};
struct RequestTotal {
  EVENTY_FIELDS();
  using record = Request<"urn:totals", "RequestTotal", "1.0.0", Total>;
};
struct Sum {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
};
struct GetSum {
  EVENTY_FIELDS();
  using record = Query<"GetSum", Sum>;
};

constexpr int keys = 20;
std::string key(int k) { return "key-" + std::to_string(k); }

Service totals() {
  return service<Sum>("totals")
      .on([](Turn<Sum>& turn, const Placed& p) { turn.edit().cents += p.cents; })
      .on([](RequestTurn<Sum, RequestTotal>& turn, const RequestTotal&) {
        turn.respond(Total{turn.state() ? turn.state()->cents : 0});
      })
      .answer<GetSum>([](const Sum* sum, const GetSum&) { return sum ? *sum : Sum{}; });
}

struct Nodes {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("eventy-kafka-ask-" + std::to_string(getpid()));
  std::string prefix = tests::unique_prefix();
  Nodes() { std::filesystem::create_directories(path); }
  ~Nodes() { std::filesystem::remove_all(path); }

  Config config(const std::string& id) const {
    return Config()
        .set("node.id", id)
        .set("store.type", "kafka")
        .set("store.path", (path / id).string())
        .set("kafka.bootstrap", tests::kafka_bootstrap())
        .set("kafka.prefix", prefix)
        .set("topics.partitions", 4)
        .set("engine.commit_interval_ms", 20);
  }
  std::unique_ptr<Node> node(const std::string& id) const {
    auto made = std::make_unique<Node>(NodeSetup{
        .services = {totals()},
        .config = config(id),
        .log = std::make_shared<spdlog::logger>(id, std::make_shared<spdlog::sinks::null_sink_mt>())});
    made->start().value();
    return made;
  }
  // The keys that the node answers soon.
  static std::set<int> answers(const Node& node) {
    std::vector<Future<Answer<Sum>>> asked;
    for (int k = 0; k < keys; ++k) asked.push_back(node.ask("totals", key(k), GetSum{}, {.timeout = 200ms}));
    std::set<int> found;
    for (int k = 0; k < keys; ++k)
      if (asked[static_cast<std::size_t>(k)].get(10s).ok()) found.insert(k);
    return found;
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(kafka_ask_tests, Nodes)

CAF_TEST(a_key_is_answered_by_its_owner_and_after_its_end_by_the_next_one) {
  auto first = node("a");
  const Client client = first->client("shop");
  std::map<int, Stored> stored;
  for (int k = 0; k < keys; ++k) stored[k] = client.emit(Placed{k + 1}, {.key = key(k)}).get(30s).value();
  for (int k = 0; k < keys; ++k)
    CAF_CHECK_EQUAL(first->ask("totals", key(k), GetSum{}, {.timeout = 30s, .at_least = stored[k]})
                        .get(30s)
                        .value()
                        .value.cents,
                    k + 1);
  auto second = node("b");
  std::set<int> of_first, of_second;
  for (int i = 0; i < 150 && (of_second.empty() || of_first.size() + of_second.size() != keys); ++i) {
    of_first = answers(*first), of_second = answers(*second);
    std::this_thread::sleep_for(50ms);
  }
  CAF_CHECK_EQUAL(of_first.size() + of_second.size(), static_cast<std::size_t>(keys));
  CAF_REQUIRE(!of_first.empty() && !of_second.empty());
  const auto elsewhere = first->ask("totals", key(*of_second.begin()), GetSum{}, {.timeout = 100ms}).get(10s);
  CAF_REQUIRE(!elsewhere);
  CAF_CHECK(elsewhere.error().code == ErrorCode::timed_out);
  CAF_CHECK(elsewhere.error().message.find("this node does not own it") != std::string::npos);
  // Asked while they are with the other node, answered when they have come.
  std::map<int, Future<Answer<Sum>>> asked;
  for (const int k : of_second) {
    stored[k] = client.emit(Placed{100}, {.key = key(k)}).get(30s).value();
    asked.emplace(k, first->ask("totals", key(k), GetSum{}, {.timeout = 60s, .at_least = stored[k]}));
  }
  CAF_CHECK(second->stop());
  for (const auto& [k, future] : asked) CAF_CHECK_EQUAL(future.get(60s).value().value.cents, k + 101);
  // What was answered here is as of the position that it names, and no older.
  CAF_CHECK(first->stop());
}

CAF_TEST(a_client_without_a_node_gets_responses_of_a_service) {
  const auto running = node("a");
  const Client client = open_client(config("client"), {.name = "web"}).value();
  for (int i = 0; i < 3; ++i) client.emit(Placed{5}, {.key = "ann"}).get(30s).value();
  std::int64_t total = 0;
  for (int i = 0; i < 200 && total != 15; ++i)
    total = client.request(RequestTotal{}, {.key = "ann", .timeout = 30s}).get(30s).value().value().cents;
  CAF_CHECK_EQUAL(total, 15);
  std::vector<Future<Reply<Total>>> many;
  for (int i = 0; i < 500; ++i)
    many.push_back(client.request(RequestTotal{}, {.key = key(i), .timeout = 60s}));
  for (const auto& future : many) CAF_CHECK(future.get(60s).value().ok());
  CAF_CHECK_EQUAL(client.figures().open_requests, 0u);
  CAF_CHECK_EQUAL(client.figures().unexpected_responses, 0u);
}

CAF_TEST(a_broker_that_is_not_there_is_said_within_the_time_of_a_request) {
  const auto nowhere = open_client(
      config("nobody").set("kafka.bootstrap", "127.0.0.1:1").set("kafka.request_timeout_ms", 2'000));
  const auto began = std::chrono::steady_clock::now();
  const bool failed = !nowhere || !nowhere->emit(Placed{1}, {.key = "ann"}).get(30s);
  CAF_CHECK(failed);
  CAF_CHECK(std::chrono::steady_clock::now() - began < 10s);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
