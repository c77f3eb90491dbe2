// Clients of a node that runs on the embedded store: records go in while it runs, and answers come out.
#define CAF_SUITE node_client
#include "eventy/node.hpp"

#include <caf/test/unit_test.hpp>

#include <filesystem>
#include <thread>

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "adapters_for_tests.hpp"

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
struct GetTotal {
  EVENTY_FIELDS();
  using record = Request<"urn:totals", "GetTotal", "1.0.0", Total>;
};
struct Sum {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
};

Service totals() {
  return service<Sum>("totals")
      .on([](Turn<Sum>& turn, const Placed& p) { turn.edit().cents += p.cents; })
      .on([](RequestTurn<Sum, GetTotal>& turn, const GetTotal&) {
        if (!turn.state()) return turn.refuse(404, "nothing was placed");
        turn.respond(Total{turn.state()->cents});
      });
}

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("eventy-client-" + std::to_string(getpid()));
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  Config config() const {
    return Config()
        .set("store.path", (path / "data").string())
        .set("store.sync", false)
        .set("topics.partitions", 4);
  }
  NodeSetup setup() const {
    return {.services = {totals()}, .config = config(), .adapters = adapters_for_tests(), .log = log};
  }
  // The answer once it is there: a request may overtake events that are not handled yet.
  static std::int64_t total_of(const Client& client, const std::string& key, std::int64_t wanted) {
    std::int64_t last = -1;
    for (int i = 0; i < 400 && last != wanted; ++i) {
      const auto reply = client.request(GetTotal{}, {.key = key, .timeout = 20s}).get(20s).value();
      last = reply.ok() ? reply.value().cents : -1;
    }
    return last;
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(node_client_tests, Folder)

CAF_TEST(records_go_in_while_the_node_runs_and_answers_come_out) {
  Node node(setup());
  node.start().value();
  {
    CAF_CHECK(node.runtime("totals").topic_named("shop-events").has_value());
    const Client shop = node.client("shop");
    for (int i = 1; i <= 10; ++i) CAF_CHECK(shop.emit(Placed{i}, {.key = "ann"}).get(20s).ok());
    CAF_CHECK_EQUAL(total_of(shop, "ann", 55), 55);
    const auto refused = shop.request(GetTotal{}, {.key = "bob"}).get(20s).value();
    CAF_CHECK(!refused.ok() && refused.error_code() == 404);
  }
  CAF_CHECK(node.stop());
}

CAF_TEST(clients_of_many_threads_get_each_their_answer) {
  Node node(setup());
  node.start().value();
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t, client = node.client("web")] {
      const std::string key = "k" + std::to_string(t);
      for (int i = 0; i < 20; ++i) client.emit(Placed{t + 1}, {.key = key}).get(20s).value();
      right += total_of(client, key, 20 * (t + 1)) == 20 * (t + 1);
    });
  for (auto& thread : threads) thread.join();
  CAF_CHECK_EQUAL(right.load(), 8);
  CAF_CHECK_EQUAL(node.figures().clients.stored, node.client().figures().stored);
  CAF_CHECK(node.figures().clients.stored >= 160);
  CAF_CHECK(node.stop());
}

CAF_TEST(a_client_outlives_its_node_and_says_so) {
  std::optional<Client> client;
  std::optional<Future<Reply<Total>>> asked;
  {
    Node node(setup());
    node.start().value();
    client = node.client();
    client->emit(Placed{1}, {.key = "ann"}).get(20s).value();
    node.drain();
    CAF_CHECK(node.wait().how == NodeState::drained);
    asked = client->request(GetTotal{}, {.key = "ann", .timeout = 60s});  // nobody answers any more
    CAF_CHECK(node.stop());
  }
  CAF_CHECK(asked->ready());
  CAF_CHECK(asked->get(0ms).error().code == ErrorCode::closed);
  CAF_CHECK(client->emit(Placed{1}).get(0ms).error().code == ErrorCode::closed);
}

CAF_TEST(what_a_client_stored_is_handled_after_a_restart) {
  {
    Node node(setup());
    node.start().value();
    CAF_CHECK(node.stop());
  }
  {
    const Client alone = open_client(config(), {.name = "import"}, adapters_for_tests()).value();
    CAF_CHECK_EQUAL(alone.emit(Placed{7}, {.key = "ann"}).get(20s).value().topic, "shop-events");
    const auto busy = open_client(config(), {}, adapters_for_tests());
    CAF_CHECK(!busy && busy.error().code == ErrorCode::busy);
  }
  Node node(setup());
  node.start().value();
  CAF_CHECK_EQUAL(total_of(node.client(), "ann", 7), 7);
  CAF_CHECK(node.stop());
}

CAF_TEST(what_is_wrong_with_a_configuration_is_said) {
  const auto wrong = open_client(config().set("clients.max_request", 5), {}, adapters_for_tests());
  CAF_REQUIRE(!wrong);
  CAF_CHECK(wrong.error().message.find("max_requests") != std::string::npos);
  const auto name = open_client(config(), {.name = "with space"}, adapters_for_tests());
  CAF_CHECK(!name && name.error().code == ErrorCode::configuration);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
