// A real node on the embedded store whose handler does not return: it is named in the log, the other
// partitions go on, and past the limit the process ends with 70 and a last line that says why. The next start
// goes on with that record, and nothing is lost or doubled. Handlers of a service that is declared as
// blocking hold nothing but their partition.
#define CAF_SUITE stuck_handler

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "eventy/run.hpp"
#include "eventy/store/memory_store.hpp"
#include "examples/counter/counter.hpp"
#include "support/shell_store.hpp"
#include "support/temporary_folder.hpp"

#include "caf/test/unit_test.hpp"

using namespace eventy;

namespace {

// A store whose sessions do not come to their end.
class EndlessSession final : public support::ShellSession {
 public:
  using ShellSession::ShellSession;
  void close() override { std::this_thread::sleep_for(std::chrono::hours(1)); }
};
class EndlessStore final : public support::ShellStore {
 public:
  EndlessStore() : ShellStore(std::make_unique<MemoryStore>()) {}
  Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) override {
    return std::unique_ptr<StoreSession>(
        std::make_unique<EndlessSession>(inner_->open_session(options).value()));
  }
};
Adapters with_endless_sessions() {
  Adapters adapters = builtin_adapters();
  adapters.stores["endless"] = [](Section& section,
                                  const NodeOptions&) -> Result<std::unique_ptr<RecordStore>> {
    (void)section.text("path", "");
    section.finish();
    return std::unique_ptr<RecordStore>(std::make_unique<EndlessStore>());
  };
  return adapters;
}

constexpr std::uint32_t partitions = 4;
constexpr std::int64_t keys = 20, clicks_of_each = 10;
const std::string stuck_key = "key-3";

struct Program {
  tests::TemporaryFolder folder = {};
  std::chrono::milliseconds hangs{0};  // the fifth click of the stuck key
  int threads = 3;
  bool declares = false;                   // that handlers wait
  std::function<void()> when_stuck = {};   // before that
  mutable std::atomic<int> elsewhere = 0;  // clicks that were handled in partitions without a stuck key
  std::map<std::string, std::int64_t> counts = {};

  App app() {
    App app;
    app.name = "program";
    app.services = [this](const Arguments&) { return std::vector{service()}; };
    app.commands = {{.name = "feed", .help = "write clicks", .access = StoreAccess::read_write, .run = feed},
                    {.name = "show", .help = "read counts", .run = [this](const CommandContext& at) {
                       return show(at);
                     }}};
    return app;
  }

  Service service() const {
    auto made = eventy::service<counter::Tally>("counter").on(
        exactly_once, [this](Turn<counter::Tally>& turn, const counter::Clicked&) {
          turn.emit(counter::Counted{std::string(turn.key()), ++turn.edit().count});
          if (turn.key() == stuck_key && turn.edit().count == 5) {
            if (when_stuck) when_stuck();
            std::this_thread::sleep_for(hangs);
          }
          if (waiting_keys().contains(std::string(turn.key()))) wait_for_the_others(turn.key() == stuck_key);
          if (!is_stuck_partition(turn.key())) {
            while (two_wait && !(begun[0] && begun[1])) rest();
            ++elsewhere;
          }
        });
    return declares ? std::move(made).blocking() : Service(std::move(made));
  }

  // A key each of two partitions, whose handlers wait until all of the other partitions is done. Those wait
  // until both have begun, in whatever order threads take up partitions.
  bool two_wait = false;
  mutable std::atomic<bool> begun[2] = {false, false};
  static void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }
  std::set<std::string> waiting_keys() const {
    if (!two_wait) return {};
    std::set<std::string> two{stuck_key};
    for (int k = 0; two.size() < 2; ++k)
      if (const std::string key = "key-" + std::to_string(k);
          partition_of(key, partitions) != partition_of(stuck_key, partitions))
        two.insert(key);
    return two;
  }
  bool is_stuck_partition(std::string_view key) const {
    const auto two = waiting_keys();
    return std::any_of(two.begin(), two.end(), [&](const auto& one) {
      return partition_of(one, partitions) == partition_of(key, partitions);
    });
  }
  void wait_for_the_others(bool is_first) const {
    begun[is_first ? 0 : 1] = true;
    int all = 0;
    for (std::int64_t k = 0; k < keys; ++k)
      if (!is_stuck_partition("key-" + std::to_string(k))) all += clicks_of_each;
    while (elsewhere < all) rest();
  }

  static int feed(const CommandContext& at) {
    at.store.ensure_topics({{"bench-events", at.partitions}}).value();
    const auto encoder = at.serializer.make_encoder();
    for (std::int64_t n = 0; n < keys * clicks_of_each; ++n) {
      Record record(Kind::event, "urn:bench", "Clicked", "urn:bench");
      const std::string key = "key-" + std::to_string(n % keys);
      record.set_partition_key(key);
      record.data = {{"n", {n}}};
      (void)at.append("bench-events", {{.key = key, .value = encode(record, *encoder)}}).value();
    }
    return 0;
  }

  // How far each key is, by what was emitted; each count once, in order.
  int show(const CommandContext& at) {
    counts.clear();
    const auto decoder = at.serializer.make_decoder();
    for (std::uint32_t p = 0; p < at.partitions; ++p) {
      const auto reader = at.store.read("counter-events", {p}, {0}).value();
      for (;;) {
        const auto batch = reader->next({}).value();
        if (batch->records.empty()) break;
        for (const auto& r : batch->records) {
          const Record record = decode(r.value, *decoder);
          const auto& key = std::get<std::string>(record.data.at(0).second.is);
          if (std::get<std::int64_t>(record.data.at(1).second.is) != ++counts[key]) return 1;
        }
      }
    }
    return 0;
  }

  std::string log_path() const { return (folder.path() / "log").string(); }

  // Always in a child: a fork does not take threads along. `check` runs there; without it the code is 99.
  int call(
      std::vector<std::string> arguments, const std::function<bool()>& check = [] { return true; }) {
    const pid_t child = fork();
    if (child == 0) {
      if (!std::freopen(log_path().c_str(), "w", stderr)) _exit(98);
      std::setvbuf(stderr, nullptr, _IONBF, 0);
      const int code = call_here(std::move(arguments));
      _exit(code != 0 || check() ? code : 99);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int call_here(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "program");
    for (const std::string& more : {std::string("--data"), (folder.path() / "data").string(),
                                    std::string("--set"), "topics.partitions=" + std::to_string(partitions),
                                    std::string("--set"), "node.threads=" + std::to_string(threads)})
      arguments.push_back(more);
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    return eventy::run(static_cast<int>(argv.size()), argv.data(), app(), with_endless_sessions());
  }

  std::vector<std::string> log_lines() const {
    std::ifstream file(log_path());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  bool log_has(const std::string& text) const {
    const auto lines = log_lines();
    return std::any_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.find(text) != std::string::npos; });
  }
  bool all_is_counted() const {
    return counts.size() == keys && std::all_of(counts.begin(), counts.end(), [](const auto& entry) {
             return entry.second == clicks_of_each;
           });
  }
};

const std::string where =
    "service counter: partition " + std::to_string(partition_of(stuck_key, partitions).value) +
    ": Clicked on bench-events/" + std::to_string(partition_of(stuck_key, partitions).value) + "@";

std::vector<std::string> run_with(int warning_ms, int limit_ms) {
  return {"run",   "--until-idle",
          "--set", "supervision.handler_warning_ms=" + std::to_string(warning_ms),
          "--set", "services.counter.supervision.handler_limit_ms=" + std::to_string(limit_ms)};
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(program, Program)

CAF_TEST(a_handler_over_its_limit_ends_the_process_and_the_next_start_goes_on_with_its_record) {
  CAF_REQUIRE_EQUAL(call({"feed"}), 0);
  hangs = std::chrono::hours(1);
  CAF_CHECK_EQUAL(call(run_with(300, 2500)), 70);
  const auto lines = log_lines();
  CAF_REQUIRE(!lines.empty());
  CAF_MESSAGE(lines.back());
  CAF_CHECK(log_has("warning " + where));
  CAF_CHECK(log_has("key \"" + stuck_key + "\", has not returned for 0."));
  CAF_CHECK(log_has("service counter: 1 slow handler, 1 stuck handler"));
  CAF_CHECK(lines.back().starts_with("program: " + where));
  CAF_CHECK(lines.back().ends_with("over its limit of 2.5 s: this process ends"));
  // The other partitions went on; the stuck one did not come to its fifth click.
  const auto others_are_done = [this] {
    for (const auto& [key, count] : counts)
      if (partition_of(key, partitions) != partition_of(stuck_key, partitions) && count != clicks_of_each)
        return false;
    return counts[stuck_key] < 5;
  };
  CAF_CHECK_EQUAL(call({"show"}, others_are_done), 0);
  hangs = std::chrono::milliseconds(0);
  CAF_CHECK_EQUAL(call(run_with(300, 2500)), 0);
  CAF_CHECK_EQUAL(call({"show"}, [this] { return all_is_counted(); }), 0);
}

CAF_TEST(a_handler_that_is_only_slow_is_named_and_goes_on) {
  CAF_REQUIRE_EQUAL(call({"feed"}), 0);
  hangs = std::chrono::milliseconds(1000);
  CAF_CHECK_EQUAL(call(run_with(200, 60'000)), 0);
  CAF_CHECK(log_has(", has not returned for 0.2 s"));
  CAF_CHECK(log_has(", has returned"));
  CAF_CHECK(log_has("service counter: 200 records handled, "));
  CAF_CHECK_EQUAL(call({"show"}, [this] { return all_is_counted(); }), 0);
}

CAF_TEST(
    handlers_that_wait_in_as_many_partitions_as_there_are_threads_hold_up_no_other_where_they_are_declared) {
  CAF_REQUIRE_EQUAL(call({"feed"}), 0);
  threads = 2, two_wait = true, declares = true;
  CAF_CHECK_EQUAL(call(run_with(300, 20'000)), 0);
  CAF_CHECK(!log_has("all 2 threads"));
  CAF_CHECK_EQUAL(call({"show"}, [this] { return all_is_counted(); }), 0);
}

CAF_TEST(the_configuration_declares_them_as_well) {
  CAF_REQUIRE_EQUAL(call({"feed"}), 0);
  threads = 2, two_wait = true;
  auto arguments = run_with(300, 20'000);
  arguments.insert(arguments.end(), {"--set", "services.counter.blocking=true"});
  CAF_CHECK_EQUAL(call(arguments), 0);
  CAF_CHECK_EQUAL(call({"show"}, [this] { return all_is_counted(); }), 0);
}

CAF_TEST(where_they_are_not_declared_a_line_says_so_and_which_word_to_write) {
  CAF_REQUIRE_EQUAL(call({"feed"}), 0);
  threads = 2, two_wait = true;
  CAF_CHECK_EQUAL(call(run_with(300, 2500)), 70);
  CAF_CHECK(
      log_has("all 2 threads for partitions are taken by handlers that do not return, and no other "
              "partition goes on: service counter: partition "));
  CAF_CHECK(log_has(".blocking() in code, or blocking = true in [services.counter]"));
}

CAF_TEST(a_handler_that_waits_does_not_make_a_signal_take_longer_than_the_time_for_draining) {
  CAF_REQUIRE_EQUAL(call({"feed"}), 0);
  hangs = std::chrono::hours(1), declares = true;
  when_stuck = [] { ::kill(::getpid(), SIGTERM); };
  auto arguments = run_with(60'000, 0);
  arguments.insert(arguments.end(), {"--set", "node.drain_timeout_ms=4000"});
  const auto began = std::chrono::steady_clock::now();
  CAF_CHECK_EQUAL(call(arguments), 1);
  CAF_CHECK(std::chrono::steady_clock::now() - began < std::chrono::milliseconds(4900));
  CAF_CHECK(log_has("not drained within 4000 ms"));
  CAF_CHECK(log_has(". Still running: " + where));
  CAF_CHECK(log_has("still running after "));
  // The others were committed before it gave up.
  CAF_CHECK_EQUAL(call({"show"}), 0);
}

CAF_TEST(where_no_handler_runs_none_is_said_to_be_busy) {
  CAF_CHECK_EQUAL(
      call({"run", "--until-idle", "--set", "store.type=endless", "--set",
            "services.counter.supervision.handler_limit_ms=0", "--set", "node.drain_timeout_ms=2000"}),
      0);
  CAF_CHECK(log_has("drained: all work is committed"));
  CAF_CHECK(log_has("the sessions with the store are not closed after "));
  CAF_CHECK(!log_has("still running"));
}

CAF_TEST_FIXTURE_SCOPE_END()
