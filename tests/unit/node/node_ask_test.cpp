// Questions to a node that runs on the embedded store: answered from committed state while records go on.
#define CAF_SUITE node_ask
#include "eventy/node.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>
#include <filesystem>
#include <future>
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
struct Sum {
  std::int64_t cents = 0, records = 0;
  EVENTY_FIELDS(cents, records);
};
struct GetSum {
  EVENTY_FIELDS();
  using record = Query<"GetSum", Sum>;
};
struct Sleep {
  std::int64_t ms = 0;
  EVENTY_FIELDS(ms);
  using record = Query<"Sleep", Sum>;
};
struct Unknown {
  EVENTY_FIELDS();
  using record = Query<"Unknown", Sum>;
};

// A record of -1 cents fails, and parks its key.
Service totals() {
  return service<Sum>("totals")
      .on([](Turn<Sum>& turn, const Placed& p) {
        if (p.cents < 0) throw std::runtime_error("less than nothing");
        turn.edit().cents += p.cents, ++turn.edit().records;
      })
      .on_failure({.then = FinalAction::park_key})
      .answer<GetSum>([](const Sum* sum, const GetSum&) {
        return sum ? *sum : Sum{-1, 0};
      })
      .answer<Sleep>([](const Sum*, const Sleep& s) {
        std::this_thread::sleep_for(Duration(s.ms));
        return Sum{};
      });
}

struct Running {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("eventy-ask-" + std::to_string(getpid()));
  std::optional<Node> node = {};

  Running() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    start();
  }
  ~Running() {
    node.reset();
    std::filesystem::remove_all(path);
  }
  void start() {
    node.reset();
    node.emplace(NodeSetup{
        .services = {totals()},
        .config = Config()
                      .set("store.path", (path / "data").string())
                      .set("store.sync", false)
                      .set("topics.partitions", 4)
                      .set("engine.commit_interval_ms", 10)
                      .set("queries.limit_ms", 400)
                      .set("queries.max_questions", 100),
        .adapters = adapters_for_tests(),
        .log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>())});
    node->start().value();
  }
  Stored place(const std::string& key, std::int64_t cents) {
    return node->client().emit(Placed{cents}, {.key = key}).get(20s).value();
  }
  auto sum(const std::string& key, const AskOptions& options = {.timeout = 20s}) {
    return node->ask("totals", key, GetSum{}, options).get(30s);
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(node_ask_tests, Running)

CAF_TEST(an_answer_contains_what_it_must_contain) {
  std::int64_t wanted = 0;
  for (int i = 1; i <= 50; ++i) {
    const Stored at = place("ann", i);
    wanted += i;
    const auto answer = sum("ann", {.timeout = 20s, .at_least = at}).value();
    CAF_CHECK_EQUAL(answer.value.cents, wanted);
    CAF_CHECK(!answer.parked);
    const auto position = std::find_if(answer.positions.begin(), answer.positions.end(),
                                       [&](const auto& p) { return p.topic == "shop-events"; });
    CAF_REQUIRE(position != answer.positions.end());
    CAF_CHECK(position->partition == at.partition);
    CAF_CHECK(position->next > at.offset);
  }
  CAF_CHECK_EQUAL(sum("nobody").value().value.cents, -1);
}

CAF_TEST(positions_outlive_the_node_and_serve_as_at_least) {
  const auto before = sum("ann", {.timeout = 20s, .at_least = place("ann", 5)}).value();
  start();
  const auto after = sum("ann", {.timeout = 20s, .at_least = before.positions}).value();
  CAF_CHECK_EQUAL(after.value.cents, 5);
  CAF_CHECK(after.positions == before.positions);
}

CAF_TEST(a_question_that_cannot_be_answered_in_time_says_why) {
  Stored at = place("ann", 1);
  at.offset.value += 1'000;
  const auto behind = sum("ann", {.timeout = 100ms, .at_least = at});
  CAF_REQUIRE(!behind);
  CAF_CHECK(behind.error().code == ErrorCode::timed_out);
  CAF_CHECK(behind.error().message.find("\"shop-events\" partition") != std::string::npos);
  CAF_CHECK(behind.error().message.find("is committed up to offset") != std::string::npos);
}

CAF_TEST(mistakes_of_the_asker_are_errors_at_once) {
  const Stored at = place("ann", 1);
  const auto fails = [&](const auto& future, ErrorCode code, const std::string& text) {
    const auto result = future.get(20s);
    CAF_REQUIRE(!result);
    CAF_CHECK(result.error().code == code);
    CAF_MESSAGE(result.error().message);
    CAF_CHECK(result.error().message.find(text) != std::string::npos);
  };
  const auto ask = [&](AtLeast at_least) {
    return node->ask("totals", "ann", GetSum{}, {.timeout = 60s, .at_least = std::move(at_least)});
  };
  sum("ann").value();
  fails(node->ask("total", "ann", GetSum{}), ErrorCode::not_found, "\"total\"");
  fails(node->ask("totals", "ann", Unknown{}), ErrorCode::not_found, "\"Unknown\"");
  fails(ask(Stored{"totals-events", at.partition, {0}}), ErrorCode::invalid_argument, "\"totals-events\"");
  fails(ask(Stored{"shop-events", {(at.partition.value + 1) % 4}, {0}}), ErrorCode::invalid_argument,
        "belongs to partition");
}

CAF_TEST(the_answer_says_that_the_key_is_parked) {
  place("ann", 7);
  place("ann", -1);
  const auto answer = sum("ann", {.timeout = 20s, .at_least = place("ann", 8)}).value();
  CAF_CHECK(answer.parked);
  CAF_CHECK_EQUAL(answer.value.cents, 7);
  CAF_CHECK(!sum("bob", {.timeout = 20s, .at_least = place("bob", 1)}).value().parked);
}

CAF_TEST(only_committed_state_is_shown) {
  std::atomic<bool> ends = false;
  std::atomic<int> seen = 0, wrong = 0;
  std::thread asking([&] {
    std::int64_t last = 0;
    while (!ends) {
      const auto answer = sum("ann").value();
      wrong += answer.value.records < last;
      const auto position = std::find_if(answer.positions.begin(), answer.positions.end(),
                                         [](const auto& p) { return p.topic == "shop-events"; });
      // The state contains at least what the position says.
      if (position != answer.positions.end() && answer.value.cents != -1)
        wrong += answer.value.records < position->next.value;
      last = answer.value.records;
      ++seen;
    }
  });
  Stored at;
  for (int i = 0; i < 300 || seen < 50; ++i) at = place("ann", 1);
  sum("ann", {.timeout = 20s, .at_least = at}).value();
  ends = true;
  asking.join();
  CAF_CHECK_EQUAL(wrong.load(), 0);
}

CAF_TEST(a_slow_query_is_given_up_and_delays_no_record) {
  sum("ann").value();
  const auto slow = node->ask("totals", "ann", Sleep{1'500}, {.timeout = 20s});
  const auto late = node->ask("totals", "ann", Sleep{1'500}, {.timeout = 100ms});
  const auto began = std::chrono::steady_clock::now();
  const Stored at = place("ann", 1);
  // Both threads for queries sleep; the partition goes on.
  while (node->figures().services.at(0).of_partitions.records < 1) std::this_thread::sleep_for(1ms);
  CAF_CHECK(std::chrono::steady_clock::now() - began < 1s);
  CAF_CHECK(!node->running_handlers().empty());
  const auto waits = node->ask("totals", "ann", GetSum{}, {.timeout = 50ms}).get(20s);
  CAF_CHECK(waits.error().message.find("all threads for queries are taken") != std::string::npos);
  CAF_CHECK(late.get(20s).error().code == ErrorCode::timed_out);
  const auto given_up = slow.get(20s);
  CAF_CHECK(given_up.error().code == ErrorCode::timed_out);
  CAF_CHECK(given_up.error().message.find("has not returned for") != std::string::npos);
  CAF_CHECK(std::chrono::steady_clock::now() - began < 1400ms);
  CAF_CHECK_EQUAL(sum("ann", {.timeout = 20s, .at_least = at}).value().value.cents, 1);
}

CAF_TEST(many_threads_ask_and_too_many_questions_are_refused) {
  sum("ann").value();
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) right += sum("ann").value().value.cents == -1;
    });
  for (auto& thread : threads) thread.join();
  CAF_CHECK_EQUAL(right.load(), 64 * 20);
  Stored never = place("ann", 1);
  never.offset.value += 1'000;
  std::vector<Future<Answer<Sum>>> waiting;
  for (int i = 0; i < 101; ++i)
    waiting.push_back(node->ask("totals", "ann", GetSum{}, {.timeout = 60s, .at_least = never}));
  CAF_CHECK(waiting.back().get(1s).error().code == ErrorCode::full);
  CAF_CHECK(!waiting.front().ready());
}

CAF_TEST(a_callback_must_not_wait_for_another_answer) {
  std::promise<Result<Answer<Sum>>> said;
  node->ask("totals", "ann", GetSum{}, {.timeout = 20s}, [&](const Result<Answer<Sum>>&) {
    said.set_value(node->ask("totals", "bob", GetSum{}).get(5s));
  });
  CAF_CHECK(said.get_future().get().error().code == ErrorCode::invalid_argument);
}

CAF_TEST(what_still_waits_at_the_end_is_closed) {
  Stored never = place("ann", 1);
  never.offset.value += 1'000;
  const auto waits = node->ask("totals", "ann", GetSum{}, {.timeout = 60s, .at_least = never});
  CAF_CHECK(node->stop());
  CAF_CHECK(waits.ready());
  CAF_CHECK(waits.get(0ms).error().code == ErrorCode::closed);
  CAF_CHECK(node->ask("totals", "ann", GetSum{}).get(1s).error().code == ErrorCode::closed);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
