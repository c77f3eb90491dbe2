// A node as an object inside a program: with real threads on the embedded store, without signals and exit
// codes.
#define CAF_SUITE node_object
#include "eventy/node.hpp"

#include <caf/test/unit_test.hpp>

#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "adapters_for_tests.hpp"
#include "eventy/core/date.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "examples/counter/counter.hpp"

namespace eventy {
namespace {

using namespace std::chrono_literals;

// What a handler or a callback tells the test.
class Told {
 public:
  void tell(std::string what) {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(what));
    changed_.notify_all();
  }
  bool within(Duration time, std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return told_.size() >= count; });
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  std::mutex mutex_ = {};
  std::condition_variable changed_ = {};
  std::vector<std::string> told_ = {};
};

struct Nodes {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("eventy-node-" + std::to_string(getpid()));
  std::ostringstream lines = {};
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));

  Nodes() { std::filesystem::create_directories(folder); }
  ~Nodes() { std::filesystem::remove_all(folder); }

  std::string data(const std::string& name = "data") const { return (folder / name).string(); }
  Config config(const std::string& name = "data") const {
    return Config().set("store.path", data(name)).set("store.sync", false).set("topics.partitions", 2);
  }
  NodeSetup setup_of(Service service, const std::string& name = "data") {
    return {.services = {std::move(service)},
            .config = config(name),
            .adapters = adapters_for_tests(),
            .log = log};
  }
  // Clicks of the keys k0 to k4 in turn.
  void feed(std::int64_t records, const std::string& name = "data") const {
    const auto store = rocksdb::open({.path = data(name), .sync = false}).value();
    store->ensure_topics({{"bench-events", 2}}).value();
    const auto encoder = adapters_for_tests().serializers.at("json")({}).value()->make_encoder();
    for (std::int64_t n = 0; n < records; ++n) {
      Record record(Kind::event, "urn:bench", "Clicked", "urn:bench");
      const std::string key = "k" + std::to_string(n % 5);
      record.set_partition_key(key);
      record.data = {{"n", {n}}};
      store->append("bench-events", {{.key = key, .value = encode(record, *encoder)}}).value();
    }
  }
  static std::int64_t counted(const Node& node) {
    std::int64_t sum = 0;
    for_each_state<counter::Tally>(
        node.store(), node.state_format(), "counter",
        [&](PartitionId, std::string_view, const counter::Tally& t) { sum += t.count; })
        .value();
    return sum;
  }
};

// Its handler tells that it began, and returns when it is released.
struct Stuck {
  Told told = {};
  std::mutex mutex = {};
  std::condition_variable released = {};
  bool is_released = false;

  Service service() {
    return eventy::service<>("stuck").on([this](StatelessTurn&, const counter::Clicked&) {
      told.tell("began");
      std::unique_lock lock(mutex);
      released.wait(lock, [this] { return is_released; });
      told.tell("returns");
    });
  }
  void release() {
    const std::lock_guard lock(mutex);
    is_released = true;
    released.notify_all();
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(nodes, Nodes)

CAF_TEST(a_job_drains_when_everything_is_handled) {
  feed(101);
  auto setup = setup_of(counter::service());
  setup.drains_when_idle = true;
  Node node(std::move(setup));
  CAF_CHECK(node.state() == NodeState::created);
  node.start().value();
  CAF_CHECK(node.wait().how == NodeState::drained);
  CAF_CHECK(node.state() == NodeState::drained);
  CAF_CHECK_EQUAL(counted(node), 101);
  CAF_CHECK_EQUAL(node.figures().services.at(0).of_partitions.records, 101u);
  CAF_CHECK(node.stop());
  CAF_CHECK(node.state() == NodeState::stopped);
}

CAF_TEST(a_node_runs_until_it_is_stopped) {
  Node node(setup_of(counter::service()));
  node.start().value();
  CAF_CHECK(!node.wait_for(50ms));
  CAF_CHECK(node.state() == NodeState::running);
  node.drain();
  CAF_CHECK(node.wait().how == NodeState::drained);
  CAF_CHECK(node.stop());
  CAF_CHECK(node.stop());  // once more changes nothing
}

CAF_TEST(a_node_is_started_once) {
  Node node(setup_of(counter::service()));
  node.start().value();
  CAF_CHECK(node.start().error().code == ErrorCode::invalid_argument);
}

CAF_TEST(a_node_that_is_destroyed_stops_and_leaves_its_store_to_the_next) {
  feed(10);
  for (int i = 0; i < 2; ++i) {
    Node node(setup_of(counter::service()));
    node.start().value();
  }
  auto setup = setup_of(counter::service());
  setup.drains_when_idle = true;
  Node node(std::move(setup));
  node.start().value();
  CAF_CHECK(node.wait().how == NodeState::drained);
  CAF_CHECK_EQUAL(counted(node), 10);
}

CAF_TEST(several_nodes_live_in_one_process) {
  feed(20, "a"), feed(30, "b");
  auto a = setup_of(counter::service(), "a"), b = setup_of(counter::service(), "b");
  a.drains_when_idle = b.drains_when_idle = true;
  Node first(std::move(a)), second(std::move(b));
  first.start().value(), second.start().value();
  CAF_CHECK(first.wait().how == NodeState::drained);
  CAF_CHECK(second.wait().how == NodeState::drained);
  CAF_CHECK_EQUAL(counted(first), 20);
  CAF_CHECK_EQUAL(counted(second), 30);
}

CAF_TEST(a_node_that_cannot_start_says_why_and_runs_nothing) {
  auto setup = setup_of(counter::service());
  setup.config = Config::text("[store]\ntpye = \"embedded\"\n", "shop").set("store.path", data());
  Node wrong(std::move(setup));
  const auto started = wrong.start();
  CAF_REQUIRE(!started);
  CAF_CHECK(started.error().code == ErrorCode::configuration);
  CAF_CHECK(started.error().message.find("shop:2") != std::string::npos);
  CAF_CHECK(wrong.state() == NodeState::created);

  Node holder(setup_of(counter::service()));
  holder.start().value();
  Node late(setup_of(counter::service()));
  CAF_CHECK(late.start().error().code == ErrorCode::busy);
}

CAF_TEST(two_services_of_one_name_are_a_mistake) {
  auto setup = setup_of(counter::service());
  setup.services.push_back(counter::service());
  CAF_CHECK(Node(std::move(setup)).start().error().code == ErrorCode::configuration);
}

CAF_TEST(the_program_reads_tables_of_its_own) {
  std::int64_t seen = 0;
  auto setup = setup_of(counter::service());
  setup.config.set("clicks.limit", 7);
  setup.sections["clicks"] = [&](Section& s) { seen = s.integer("limit", 1); };
  Node node(std::move(setup));
  node.start().value();
  CAF_CHECK_EQUAL(seen, 7);

  auto other = setup_of(counter::service(), "other");
  other.config.set("clicks.limti", 7);
  other.sections["clicks"] = [&](Section& s) { seen = s.integer("limit", 1); };
  CAF_CHECK(Node(std::move(other)).start().error().message.find("limti") != std::string::npos);
}

CAF_TEST(the_end_is_told_once_on_a_thread_of_the_node) {
  Told told;
  Node node(setup_of(counter::service()));
  node.start().value();
  const auto here = std::this_thread::get_id();
  node.on_end([&, here](const NodeEnd& end) {
    CAF_CHECK(std::this_thread::get_id() != here);
    told.tell(std::string(to_string(end.how)));
  });
  CAF_CHECK(!told.within(20ms));
  node.drain();
  CAF_CHECK(told.within(10s));
  CAF_CHECK(node.stop());
  node.on_end([&](const NodeEnd& end) { told.tell("late: " + std::string(to_string(end.how))); });
  CAF_CHECK_EQUAL(told.all(), (std::vector<std::string>{"drained", "late: drained"}));
}

CAF_TEST(a_service_that_gives_up_ends_the_node_with_the_reason) {
  feed(1);
  Told told;
  Node node(
      setup_of(service<>("broken")
                   .on([](StatelessTurn&, const counter::Clicked&) { throw std::runtime_error("no way"); })
                   .on_failure({.then = FinalAction::stop})));
  node.start().value();
  node.on_end([&](const NodeEnd& end) { told.tell(end.why); });
  const NodeEnd end = node.wait();
  CAF_CHECK(end.how == NodeState::failed);
  CAF_CHECK(end.why.find("no way") != std::string::npos);
  CAF_CHECK(told.within(10s));
  const auto said = told.all();
  CAF_CHECK_EQUAL(said.at(0), end.why);
  CAF_CHECK(node.state() == NodeState::failed);
  CAF_CHECK(node.stop());
}

CAF_TEST(a_handler_that_does_not_return_is_left_behind_when_the_time_is_over) {
  feed(1, "left");
  // Outlives the node's threads, which use it.
  static Stuck stuck;
  Node node(setup_of(stuck.service(), "left"));
  node.start().value();
  CAF_REQUIRE(stuck.told.within(10s));
  CAF_REQUIRE_EQUAL(node.running_handlers().size(), 1u);
  CAF_CHECK(node.running_handlers()[0].find("stuck") != std::string::npos);
  const auto began = std::chrono::steady_clock::now();
  CAF_CHECK(!node.stop({.within = 400ms}));
  CAF_CHECK(std::chrono::steady_clock::now() - began < 5s);
  CAF_CHECK(node.state() == NodeState::stopped);
  CAF_CHECK(!node.stop());
  stuck.release();
  CAF_CHECK(stuck.told.within(10s, 2));
}

CAF_TEST(a_node_leaves_the_signals_of_its_program_alone) {
  struct sigaction before = {}, after = {};
  sigset_t mask_before, mask_after;
  sigaction(SIGTERM, nullptr, &before), pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
  Node node(setup_of(counter::service()));
  node.start().value();
  sigaction(SIGTERM, nullptr, &after), pthread_sigmask(SIG_SETMASK, nullptr, &mask_after);
  CAF_CHECK(before.sa_handler == after.sa_handler);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD})
    CAF_CHECK_EQUAL(sigismember(&mask_before, signal), sigismember(&mask_after, signal));
}

CAF_TEST(its_lines_go_to_the_given_logger) {
  {
    Node node(setup_of(counter::service()));
    node.start().value();
  }
  CAF_CHECK(lines.str().find("running counter on the embedded store") != std::string::npos);
  CAF_CHECK(lines.str().find("drained") != std::string::npos);
}

CAF_TEST(a_node_has_the_runtimes_of_its_services) {
  Node node(setup_of(counter::service()));
  CAF_CHECK_EQUAL(std::string("closed"), [&] {
    try {
      (void)node.runtime("counter");
    } catch (const Failure& e) {
      return std::string(to_string(e.error().code));
    }
    return std::string("nothing");
  }());
  node.start().value();
  CAF_CHECK_EQUAL(node.runtime("counter").topic_name(ServiceRuntime::requests), "counter-requests");
}

CAF_TEST(values_that_are_set_replace_those_of_the_text) {
  auto setup = setup_of(counter::service());
  setup.config = Config::text("[topics]\npartitions = 3\n[store]\nsync = false\n")
                     .set("topics.partitions", 4)
                     .set("store.path", data());
  Node node(std::move(setup));
  node.start().value();
  CAF_CHECK_EQUAL(node.runtime("counter").topic_specs(4).size() > 0, true);
  for (const auto& topic : node.store().topics().value()) CAF_CHECK_EQUAL(topic.partitions, 4u);
}

CAF_TEST(its_topics_have_the_configured_names) {
  auto setup = setup_of(counter::service());
  setup.config.set("topics.names.bench.events", "clicks.v2").set("topics.names.counter.events", "clicks.v2");
  Node node(std::move(setup));
  node.start().value();
  std::set<std::string> topics;
  for (const auto& topic : node.store().topics().value()) topics.insert(topic.name);
  CAF_CHECK(topics.contains("clicks.v2") && topics.contains("counter-requests"));
  CAF_CHECK(!topics.contains("bench-events") && !topics.contains("counter-events"));
}

CAF_TEST(what_a_name_or_a_start_is_given_for_must_be_known) {
  const auto says = [&](const std::string& path, const std::string& value, const std::string& part) {
    auto setup = setup_of(counter::service());
    setup.config.set_parsed(path, value);
    const auto started = Node(std::move(setup)).start();
    if (started) return false;
    CAF_MESSAGE(started.error().message);
    return started.error().code == ErrorCode::configuration &&
           started.error().message.find(part) != std::string::npos;
  };
  CAF_CHECK(says("topics.names.conter.events", "x", "Known services: bench, counter;"));
  CAF_CHECK(says("start.conter", "latest", "Known services: counter"));
  CAF_CHECK(says("start.counter", "[1]", "[start.counter]"));
  CAF_CHECK(says("start.counter.bnch-events", "latest", "It reads: bench-events, counter-requests"));
}

CAF_TEST(a_service_starts_where_the_configuration_says_and_only_once) {
  feed(10);
  const auto run = [&](const std::string& start) {
    auto setup = setup_of(counter::service());
    setup.config.set("start.counter", start);
    setup.drains_when_idle = true;
    Node node(std::move(setup));
    node.start().value();
    CAF_CHECK(node.wait().how == NodeState::drained);
    return counted(node);
  };
  CAF_CHECK_EQUAL(run("latest"), 0);
  feed(7);
  CAF_CHECK_EQUAL(run("latest"), 7);
  CAF_CHECK_EQUAL(run("earliest"), 7);
}

CAF_TEST(a_service_can_start_at_a_date) {
  feed(10);
  std::string between;
  append_iso8601(between, SystemClock().date() + 20ms);
  std::this_thread::sleep_for(40ms);
  feed(7);
  auto setup = setup_of(counter::service());
  setup.config.set("start.counter", between);
  setup.drains_when_idle = true;
  Node node(std::move(setup));
  node.start().value();
  CAF_CHECK(node.wait().how == NodeState::drained);
  CAF_CHECK_EQUAL(counted(node), 7);
}

// The partition counts of what is there are taken over.
CAF_TEST(topics_that_exist_keep_their_counts_and_give_them_to_new_ones) {
  {
    const auto store = rocksdb::open({.path = data(), .sync = false}).value();
    store->ensure_topics({{"bench-events", 3}}).value();
  }
  Node node(setup_of(counter::service()));
  node.start().value();
  for (const auto& topic : node.store().topics().value()) CAF_CHECK_EQUAL(topic.partitions, 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
