#include "eventy/actors/node_system.hpp"

#include <caf/all.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "supervisor/root.hpp"
#include "supervisor/watchdog_thread.hpp"

namespace eventy::actors {

namespace {

class CafMailbox final : public Mailbox {
 public:
  CafMailbox(ActorId id, caf::actor actor) : Mailbox(id), actor_(std::move(actor)) {}
  void put(Letter letter, std::chrono::nanoseconds wait) override {
    if (wait > std::chrono::nanoseconds(0)) {
      caf::delayed_anon_send(actor_, wait, std::move(letter));
    } else {
      caf::anon_send(actor_, std::move(letter));
    }
  }

 private:
  caf::actor actor_;
};

class CafHost final : public Host {
 public:
  explicit CafHost(const Clock& clock) : clock_(clock) {}
  void run_on(caf::actor_system& system) { system_ = &system; }
  bool has_threads() const override { return true; }
  const Clock& clock() const override { return clock_; }
  caf::actor_system& system() override { return *system_; }
  ActorId new_id() override { return {++last_id_}; }
  std::shared_ptr<Mailbox> mailbox(ActorId id, const caf::actor& actor) override {
    return std::make_shared<CafMailbox>(id, actor);
  }
  void spawned(ActorId, const Role&, const caf::actor&) override {}

 private:
  caf::actor_system* system_ = nullptr;
  const Clock& clock_;
  std::atomic<std::uint64_t> last_id_ = 0;
};

// CAF's actor system with its root. One thread must create and destroy it, otherwise its logger waits
// forever; destroying it waits for all actors. So it has a thread of its own, which can be abandoned.
class ActorHost {
 public:
  ActorHost(std::size_t threads, const Clock& clock, const RootSetup& setup) {
    auto made = std::make_shared<std::promise<Ref<ToRoot>>>();
    auto root_made = made->get_future();
    thread_ = std::thread([made, end = end_.get_future(), gone = gone_, threads, &clock, setup]() mutable {
      live(threads, clock, setup, *made, end);
      gone->set_value();
    });
    try {
      root_ = root_made.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }
  ~ActorHost() {
    if (thread_.joinable()) (void)end({});
  }

  const Ref<ToRoot>& root() const { return root_; }

  // Ends all actors. nullopt: waits until they have ended. False: they have not ended in time; the thread is
  // abandoned.
  bool end(std::optional<Duration> within) {
    auto gone = gone_->get_future();
    post({}, root_, msg::Stop{});
    root_ = {};  // the system waits for it too
    end_.set_value();
    if (within && gone.wait_for(*within) != std::future_status::ready) {
      thread_.detach();
      return false;
    }
    thread_.join();
    return true;
  }

 private:
  static void live(std::size_t threads, const Clock& clock, const RootSetup& setup,
                   std::promise<Ref<ToRoot>>& made, std::future<void>& end) {
    try {
      caf::actor_system_config config;
      // Work stealing polls while idle; sharing costs nothing then and is not slower here.
      config.set("scheduler.policy", caf::atom("sharing"));
      config.set("scheduler.max-threads", threads);
      CafHost host(clock);  // outlives the actors, because the system waits for them
      caf::actor_system system(config);
      host.run_on(system);
      made.set_value(spawn<RootActor>(host, {}, RunsOn::own_thread, setup, Ref<ToRoot>()));
      end.wait();
    } catch (...) {
      made.set_exception(std::current_exception());
    }
  }

  std::promise<void> end_;
  std::shared_ptr<std::promise<void>> gone_ = std::make_shared<std::promise<void>>();
  Ref<ToRoot> root_;
  std::thread thread_;
};

// Hands the session that start() opened to the first bridge and opens new ones for its successors.
std::function<Result<std::unique_ptr<StoreSession>>()> first_then(
    std::unique_ptr<StoreSession> session, std::function<Result<std::unique_ptr<StoreSession>>()> open) {
  auto first = std::make_shared<std::unique_ptr<StoreSession>>(std::move(session));
  return [first, open = std::move(open)]() -> Result<std::unique_ptr<StoreSession>> {
    if (*first) return std::move(*first);
    return open();
  };
}

}  // namespace

struct NodeSystem::Impl {
  Options options;
  const Clock& clock;
  std::shared_ptr<Board> board = std::make_shared<Board>();
  std::shared_ptr<Watchdog> watchdog = std::make_shared<Watchdog>();
  std::unique_ptr<ActorHost> host = {};
  std::unique_ptr<WatchdogThread> watchdog_thread = {};
};

NodeSystem::NodeSystem(Options options, const Clock& clock) : impl_(new Impl{options, clock}) {}
NodeSystem::~NodeSystem() = default;

Result<void> NodeSystem::start(std::vector<ServiceSetup> services) {
  RootSetup setup{{}, impl_->board, impl_->options.idle_check, impl_->options.supervision, impl_->watchdog};
  for (auto& service : services) {
    auto session = service.open_session();
    if (!session.ok()) return session.error();
    service.open_session = first_then(std::move(*session), std::move(service.open_session));
    setup.watchdog->prepare_for(service.turns);
    setup.services.push_back(std::make_shared<const ServiceSetup>(std::move(service)));
  }
  const auto cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  const std::size_t threads = impl_->options.threads > 0 ? impl_->options.threads : cores;
  setup.watchdog->set_workers(threads);
  impl_->host = std::make_unique<ActorHost>(threads, impl_->clock, setup);
  impl_->watchdog_thread = std::make_unique<WatchdogThread>(impl_->watchdog, impl_->board);
  return {};
}

void NodeSystem::drain() { post({}, impl_->host->root(), msg::Drain{}); }
NodeState NodeSystem::wait_for(Duration time) { return impl_->board->wait(NodeState::idle, time); }
NodeState NodeSystem::wait_until_drained(Duration time) {
  return impl_->board->wait(NodeState::drained, time);
}
void NodeSystem::on_end(std::function<void()> call) { impl_->board->on_end(std::move(call)); }
std::string NodeSystem::failure() const { return impl_->board->failure(); }
std::vector<ServiceCounts> NodeSystem::counts() const { return impl_->board->counts(); }
std::vector<std::string> NodeSystem::running() const { return impl_->watchdog->running(); }
bool NodeSystem::stop(Duration within) { return !impl_->host || impl_->host->end(within); }

}  // namespace eventy::actors
