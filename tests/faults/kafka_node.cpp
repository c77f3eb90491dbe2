// A node for the fault tests of the store on Kafka: services that count the events `Given` of each key, one
// for each guarantee, and a point in the store's work where the process kills itself or holds.
//
//   kafka_node run --services exact,least,most --set store.type=kafka --set steps.at=commit_sent ...
//
// [steps] wait_from: the service exact waits at the first record from this number on; wait_ms: so long.
// [steps] at: the name of a kafka::Step; nth: the how-manieth time (1); hold: instead of kill -9, wait until
// this file exists; then: after the hold, kill -9 at this step. Says on standard output, in one line, that it
// happened. [store] path: the folder of the local copies of states; without it they are in memory.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include "counted_records.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "eventy/rocksdb/local_state.hpp"
#include "eventy/run.hpp"

namespace {

using namespace eventy::tests;

std::atomic<std::int64_t> handler_us = 0;  // that the handler with a state takes
std::int64_t wait_from = 0, wait_ms = 0;

void say(std::string_view what, std::string_view step) {
  const std::string line = fmt::format("{} at {}\n", what, step);
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
}

void wait_once() {
  static std::atomic<bool> waits = false;
  if (waits.exchange(true)) return;
  say("held", "handler");
  std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
}

eventy::Service make(const std::string& name) {
  if (name == "exact")
    return eventy::service<Tally>(name).on(
        eventy::exactly_once, [](eventy::Turn<Tally>& turn, const Given& given) {
          std::this_thread::sleep_for(std::chrono::microseconds(handler_us));
          if (wait_ms > 0 && given.n >= wait_from) wait_once();
          Tally& tally = turn.edit();
          tally.sum += given.n;
          turn.emit(Counted{given.n, ++tally.count});
        });
  if (name == "least")
    return eventy::service(name).on(
        eventy::at_least_once,
        [](eventy::Turn<eventy::NoState>& turn, const Given& given) { turn.emit(SeenAtLeastOnce{given.n}); });
  if (name == "most")
    return eventy::service(name).on(
        eventy::at_most_once,
        [](eventy::StatelessTurn& turn, const Given& given) { turn.emit(SeenAtMostOnce{given.n}); });
  throw std::invalid_argument("no service " + name);
}

std::vector<eventy::Service> services(const eventy::Arguments& arguments) {
  std::vector<eventy::Service> result;
  for_each_name(arguments.text("--services"), [&](const std::string& name) { result.push_back(make(name)); });
  return result;
}

constexpr std::array step_names{"before_produce",      "after_produce", "before_send_offsets",
                                "after_send_offsets",  "commit_sent",   "commit_acknowledged",
                                "local_store_written", "rewind",        "revoke"};
static_assert(step_names.size() == static_cast<std::size_t>(eventy::kafka::Step::revoke) + 1);

// Where the process ends or holds.
class StepPlan {
 public:
  void configure(eventy::Section& section) {
    at_ = section.text("at", "");
    nth_ = section.integer("nth", 1, 1);
    hold_ = section.text("hold", "");
    then_ = section.text("then", "");
    handler_us = section.integer("handler_us", 0, 0);
    wait_from = section.integer("wait_from", 0, 0);
    wait_ms = section.integer("wait_ms", 0, 0);
    for (const auto& [key, name] : {std::pair("at", at_), std::pair("then", then_)})
      if (!name.empty() && std::find(step_names.begin(), step_names.end(), name) == step_names.end())
        section.fail(key, "is not a step");
  }
  // Any thread's: the committer's and the bridge's.
  void reached(eventy::kafka::Step step) {
    const std::string_view name = step_names.at(static_cast<std::size_t>(step));
    if (was_held_ && name == then_) end_at(name);
    if (name != at_ || ++count_ != nth_) return;
    if (hold_.empty()) end_at(name);
    say("held", name);
    for (struct stat found = {}; ::stat(hold_.c_str(), &found) != 0;)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    was_held_ = true;
  }

 private:
  [[noreturn]] static void end_at(std::string_view step) {
    say("killed", step);
    ::kill(::getpid(), SIGKILL);
    std::abort();
  }

  std::string at_ = {}, hold_ = {}, then_ = {};
  std::int64_t nth_ = 1;
  std::atomic<std::int64_t> count_ = 0;
  std::atomic<bool> was_held_ = false;
};

// Copies that always say that they were brought up to date long ago, and tell when they are emptied.
class OldCopy final : public eventy::LocalState {
 public:
  OldCopy(std::unique_ptr<eventy::LocalState> inner, eventy::PartitionId partition)
      : inner_(std::move(inner)), partition_(partition) {}
  eventy::Result<std::optional<std::string>> get(std::string_view key) const override {
    return inner_->get(key);
  }
  eventy::Result<void> apply(std::span<const Change> changes, const eventy::LogPosition& place) override {
    return inner_->apply(changes, place);
  }
  eventy::Result<eventy::LogPosition> place() const override {
    auto place = inner_->place();
    if (place) place->synced = {};
    return place;
  }
  eventy::Result<void> clear() override {
    std::fprintf(stderr, "the copy of partition %u is emptied\n", partition_.value);
    return inner_->clear();
  }

 private:
  std::unique_ptr<eventy::LocalState> inner_;
  eventy::PartitionId partition_;
};

eventy::OpenLocalState old_copies(eventy::OpenLocalState open) {
  return [open = std::move(open)](
             const std::string& service,
             eventy::PartitionId partition) -> eventy::Result<std::unique_ptr<eventy::LocalState>> {
    auto copy = open(service, partition);
    if (!copy) return copy;
    return std::unique_ptr<eventy::LocalState>(std::make_unique<OldCopy>(*std::move(copy), partition));
  };
}

eventy::MakeStore store_with(std::shared_ptr<StepPlan> plan) {
  return [plan](eventy::Section& section,
                const eventy::NodeOptions& options) -> eventy::Result<std::unique_ptr<eventy::RecordStore>> {
    const std::string folder = section.text("path", "");
    const bool old = section.text("copies", "") == "old";
    section.finish();
    eventy::Section s = options.section("kafka");
    eventy::kafka::Options store;
    store.log = options.log;
    store.bootstrap = s.text("bootstrap", store.bootstrap);
    store.prefix = s.text("prefix", store.prefix);
    store.session_timeout = s.milliseconds("session_timeout_ms", store.session_timeout);
    store.transaction_timeout = s.milliseconds("transaction_timeout_ms", store.transaction_timeout);
    store.request_timeout = s.milliseconds("request_timeout_ms", store.request_timeout);
    store.properties = s.properties("librdkafka");
    s.finish();
    if (!folder.empty() && options.access == eventy::StoreAccess::sessions) {
      auto copies = eventy::rocksdb::local_state({.folder = folder, .on_rebuild = {}});
      if (!copies) return copies.error();
      store.local_state = old ? old_copies(*std::move(copies)) : *std::move(copies);
    }
    store.log = options.log;
    store.on_step = [plan](eventy::kafka::Step step) { plan->reached(step); };
    if (options.access == eventy::StoreAccess::none) return std::unique_ptr<eventy::RecordStore>();
    return eventy::kafka::open(store);
  };
}

}  // namespace

int main(int argc, char** argv) {
  const auto plan = std::make_shared<StepPlan>();
  eventy::App app;
  app.description = "Counts events, and fails where it is told to";
  app.options = {{.name = "--services", .help = "some of exact, least, most", .default_value = "exact"}};
  app.section = "steps";
  app.configure = [plan](eventy::Section& section) { plan->configure(section); };
  app.services = services;
  auto adapters = eventy::builtin_adapters();
  adapters.stores["kafka"] = store_with(plan);
  return eventy::run(argc, argv, std::move(app), std::move(adapters));
}
