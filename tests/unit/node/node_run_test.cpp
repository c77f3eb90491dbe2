// run() as a program calls it: its commands and exit codes, with real threads on the embedded store.
#define CAF_SUITE node_run
#include <caf/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

#include "adapters_for_tests.hpp"
#include "examples/counter/counter.hpp"

namespace eventy {
namespace {

struct Program {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("eventy-run-" + std::to_string(getpid()));
  App app = {};
  std::map<std::string, std::int64_t> counts = {};
  std::map<std::string, PartitionId> places = {};  // of keys in bench-events
  int progress_calls = 0, last_calls = 0;
  std::size_t pulled = 0;
  std::atomic<bool> looks = false, drains = false;  // a source; the node

  Program() {
    std::filesystem::create_directories(folder);
    app.name = "program";
    app.services = [](const Arguments&) { return std::vector{counter::service()}; };
    app.section = "clicks";
    app.configure = [this](Section& s) { pulled = s.size("per_pull", 10); };
    app.progress = [this](const Progress& p) { ++progress_calls, last_calls += p.last ? 1 : 0; };
    app.commands = {
        {.name = "feed",
         .help = "write clicks",
         .options = {{.name = "--records", .default_value = "100"}},
         .access = StoreAccess::read_write,
         .run = [](const CommandContext& at) { return feed(at); }},
        {.name = "find", .help = "find keys", .run = [this](const CommandContext& at) { return find(at); }},
        {.name = "topics",
         .help = "say where releases of keys go",
         .run =
             [](const CommandContext& at) {
               return at.runtime("counter").topic_name(ServiceRuntime::requests) == "counter-requests" ? 0
                                                                                                       : 1;
             }},
        {.name = "show", .help = "read counts", .run = [this](const CommandContext& at) {
           counts.clear();
           for_each_state<counter::Tally>(at.store, at.state_format, "counter",
                                          [&](PartitionId, std::string_view key, const counter::Tally& t) {
                                            counts[std::string(key)] = t.count;
                                          })
               .value();
           return 0;
         }}};
  }
  ~Program() { std::filesystem::remove_all(folder); }

  static int feed(const CommandContext& at) {
    const auto topic = at.topic_of(Kind::event, "urn:bench");
    at.store.ensure_topics({{topic, at.partitions}}).value();
    const auto encoder = at.serializer.make_encoder();
    for (std::uint64_t n = 0; n < at.options.number("--records"); ++n) {
      Record record(Kind::event, "urn:bench", "Clicked", "urn:bench");
      const std::string key = n % 2 ? "odd" : "even";
      record.set_partition_key(key);
      record.data = {{"n", {static_cast<std::int64_t>(n)}}};
      (void)at.append(topic, {{.key = key, .value = encode(record, *encoder)}}).value();
    }
    return 0;
  }

  int find(const CommandContext& at) {
    for (std::uint32_t p = 0; p < at.partitions; ++p) {
      const auto batch = at.store.read("bench-events", {p}, {0}).value()->next({}).value();
      for (const auto& record : batch->records) places[std::string(record.key.value())] = {p};
    }
    return 0;
  }

  int call(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "program");
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    return eventy::run(static_cast<int>(argv.size()), argv.data(), app, adapters_for_tests());
  }
  // A fork does not take threads along, and RocksDB keeps its own once it was open: so this process opens it
  // after the last fork only. `check` runs in the child; without it the exit code is 99.
  int call_in_child(
      const std::vector<std::string>& arguments, const std::function<bool()>& check = [] { return true; }) {
    const pid_t child = fork();
    if (child == 0) {
      const int code = call(arguments);
      _exit(code != 0 || check() ? code : 99);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  // A service whose source does `first` at its first poll and does not return.
  std::vector<Service> stuck_source(const std::function<void()>& first) {
    return {service<>("slow").source<counter::Tally>("file", [this, first](Poll<counter::Tally>&) {
      looks = true;
      first();
      std::this_thread::sleep_for(std::chrono::seconds(60));
    })};
  }
  // As progress: only then does a signal meet a node that works. Before, it would end at once.
  void drain_once_it_watches() {
    if (looks && !drains.exchange(true)) kill(getpid(), SIGTERM);
  }
  std::string data() const { return (folder / "data").string(); }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(program, Program)

CAF_TEST(until_idle_ends_when_everything_is_counted_and_committed) {
  CAF_REQUIRE_EQUAL(
      call_in_child({"feed", "--data", data(), "--records", "101", "--set", "store.sync=false"}), 0);
  CAF_REQUIRE_EQUAL(call_in_child({"run", "--data", data(), "--until-idle", "--set", "log.level=off"},
                                  [this] { return last_calls == 1; }),
                    0);
  CAF_CHECK_EQUAL(
      call_in_child({"show", "--data", data()},
                    [this] {
                      return counts == std::map<std::string, std::int64_t>{{"even", 51}, {"odd", 50}};
                    }),
      0);
}

CAF_TEST(what_a_command_writes_lies_where_the_topic_has_its_keys) {
  constexpr std::uint32_t partitions = 64;
  const auto call_with = [&](const char* command, const std::function<bool()>& check) {
    return call_in_child({command, "--data", data(), "--set", "topics.partitions=64", "--set",
                          "partitioners.bench-events=murmur2"},
                         check);
  };
  CAF_REQUIRE_EQUAL(call_with("feed", [] { return true; }), 0);
  CAF_CHECK_EQUAL(
      call_with(
          "find",
          [&] {
            const auto home = [&](const char* key) {
              return partition_of(key, partitions, Partitioner::murmur2);
            };
            return places == std::map<std::string, PartitionId>{{"even", home("even")}, {"odd", home("odd")}};
          }),
      0);
  CAF_CHECK(partition_of("odd", partitions) != partition_of("odd", partitions, Partitioner::murmur2));
}

CAF_TEST(a_command_has_the_services_of_the_program) {
  CAF_REQUIRE_EQUAL(call_in_child({"feed", "--data", data()}), 0);
  CAF_CHECK_EQUAL(call_in_child({"topics", "--data", data()}), 0);
}

CAF_TEST(the_first_signal_drains_and_the_exit_code_is_0) {
  CAF_REQUIRE_EQUAL(call_in_child({"feed", "--data", data()}), 0);
  // In a process without the test runner's threads, which have not blocked the signal.
  app.progress = [sent = false](const Progress&) mutable {
    if (!std::exchange(sent, true)) kill(getpid(), SIGTERM);
  };
  CAF_CHECK_EQUAL(call_in_child({"run", "--data", data(), "--set", "log.level=off"}), 0);
  CAF_CHECK_EQUAL(call_in_child({"show", "--data", data()}, [this] { return counts.at("odd") == 50; }), 0);
}

CAF_TEST(the_second_signal_ends_at_once) {
  app.services = [this](const Arguments&) {
    return stuck_source([this] {
      while (!drains) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      kill(getpid(), SIGTERM);
    });
  };
  app.progress = [this](const Progress&) { drain_once_it_watches(); };
  CAF_CHECK_EQUAL(call_in_child({"run", "--data", data(), "--set", "log.level=off"}), 128 + SIGTERM);
}

CAF_TEST(a_signal_before_anything_is_in_hand_ends_with_0) {
  app.services = [](const Arguments&) {
    kill(getpid(), SIGTERM);
    std::this_thread::sleep_for(std::chrono::seconds(60));
    return std::vector<Service>{};
  };
  CAF_CHECK_EQUAL(call_in_child({"run", "--data", data(), "--set", "log.level=off"}), 0);
}

CAF_TEST(a_signal_while_a_node_ends_changes_nothing) {
  app.services = [](const Arguments&) {
    return std::vector{Service(service<>("stuck").on([](StatelessTurn&, const counter::Clicked&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(600));
      kill(getpid(), SIGTERM);  // its limit is over, and the node is on its way to 70
      std::this_thread::sleep_for(std::chrono::seconds(60));
    }))};
  };
  CAF_REQUIRE_EQUAL(call_in_child({"feed", "--data", data(), "--records", "1"}), 0);
  CAF_CHECK_EQUAL(
      call_in_child({"run", "--data", data(), "--set", "log.level=off", "--set",
                     "supervision.handler_warning_ms=50", "--set", "supervision.handler_limit_ms=100"}),
      70);
}

CAF_TEST(what_does_not_return_after_a_drain_makes_it_no_failure) {
  app.services = [this](const Arguments&) { return stuck_source([] {}); };
  app.progress = [this](const Progress&) { drain_once_it_watches(); };
  CAF_CHECK_EQUAL(call_in_child({"run", "--data", data(), "--set", "log.level=off", "--set",
                                 "node.drain_timeout_ms=1000"}),
                  0);
}

CAF_TEST(a_progress_that_cannot_be_shown_ends_nothing) {
  app.progress = [](const Progress&) { throw std::runtime_error("the screen is gone"); };
  CAF_REQUIRE_EQUAL(call_in_child({"feed", "--data", data(), "--records", "4"}), 0);
  CAF_CHECK_EQUAL(call_in_child({"run", "--data", data(), "--until-idle", "--set", "log.level=off"}), 0);
  CAF_CHECK_EQUAL(call_in_child({"show", "--data", data()}, [this] { return counts.at("odd") == 2; }), 0);
}

CAF_TEST(topics_of_different_counts_that_are_read_together_are_a_mistake_in_the_configuration) {
  const auto run = [&](const std::string& partitions, const std::string& events) {
    return call_in_child({"run", "--data", data(), "--until-idle", "--set", "topics.partitions=" + partitions,
                          "--set", "topics.names.bench.events=" + events, "--set", "log.level=off"});
  };
  const auto feed = [&](const std::string& partitions, const std::string& events) {
    return call_in_child({"feed", "--data", data(), "--set", "topics.partitions=" + partitions, "--set",
                          "topics.names.bench.events=" + events});
  };
  CAF_REQUIRE_EQUAL(feed("4", "clicks"), 0);
  CAF_CHECK_EQUAL(feed("8", "clicks"), 78);
  CAF_CHECK_EQUAL(run("8", "clicks"), 0);  // what exists is taken as it is
  CAF_REQUIRE_EQUAL(feed("8", "others"), 0);
  CAF_CHECK_EQUAL(run("8", "others"), 78);
}

CAF_TEST(check_config_opens_nothing) {
  CAF_CHECK_EQUAL(call({"check-config", "--data", data(), "--set", "clicks.per_pull=3"}), 0);
  CAF_CHECK_EQUAL(pulled, 3u);
  CAF_CHECK(!std::filesystem::exists(data()));
}

CAF_TEST(mistakes_have_their_exit_codes) {
  CAF_CHECK_EQUAL(call({"show", "--data", (folder / "absent").string()}), 1);
  CAF_CHECK_EQUAL(call({}), 2);
  CAF_CHECK_EQUAL(call({"dance"}), 2);
  CAF_CHECK_EQUAL(call({"run", "--until-tired"}), 2);
  CAF_CHECK_EQUAL(call({"feed", "--data", data(), "--records", "many"}), 2);
  CAF_CHECK_EQUAL(call({"check-config", "--set", "store.tpye=embedded"}), 78);
  CAF_CHECK_EQUAL(call({"check-config", "--set", "clicks.per_pul=3"}), 78);
  CAF_CHECK_EQUAL(call({"run", "--data", data(), "--set", "partitioners.bench-event=murmur2"}), 78);
  CAF_CHECK_EQUAL(call({"run", "--data", data(), "--set", "services.conter.supervision.intensity=1"}), 78);
  CAF_CHECK_EQUAL(call({"run", "--config", (folder / "absent.toml").string()}), 78);
}

CAF_TEST(help_and_version_are_no_mistakes) {
  CAF_CHECK_EQUAL(call({"--help"}), 0);
  CAF_CHECK_EQUAL(call({"run", "--help"}), 0);
  CAF_CHECK_EQUAL(call({"--version"}), 0);
}

CAF_TEST(services_may_be_builders_in_variables) {
  std::string program = "program", command = "check-config";
  char* argv[] = {program.data(), command.data()};
  auto first = service<counter::Tally>("first").on([](Turn<counter::Tally>&, const counter::Clicked&) {});
  const auto second = service<>("second").on([](StatelessTurn&, const counter::Clicked&) {});
  CAF_CHECK_EQUAL(eventy::run(2, argv, {first}, adapters_for_tests()), 0);
  CAF_CHECK_EQUAL(eventy::run(2, argv, {first, second, counter::service()}, adapters_for_tests()), 0);
}

CAF_TEST(a_service_that_gives_up_ends_the_node_with_70) {
  app.services = [](const Arguments&) {
    return std::vector<Service>{service<>("broken").source<counter::Tally>(
        "file", [](Poll<counter::Tally>&) { throw std::runtime_error("the file is gone"); })};
  };
  CAF_CHECK_EQUAL(call({"run", "--data", data(), "--set", "log.level=off", "--set", "supervision.intensity=2",
                        "--set", "supervision.first_backoff_ms=1"}),
                  70);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
