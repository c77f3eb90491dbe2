#include "cluster.hpp"

#include <algorithm>

namespace eventy::testing {

using namespace eventy::actors;

namespace {

struct ProcessDied {};  // thrown where a process dies: nothing after that point runs

constexpr Duration max_drain{5'000}, max_end{10'000};  // the most time that a node gets to drain, and to end

class Answers final : public Mailbox {
 public:
  Answers() : Mailbox({}) {}
  void put(Letter letter, std::chrono::nanoseconds) override {
    if (const auto* status = message_if<msg::Status>(letter.mail)) all.push_back(*status);
  }
  std::vector<msg::Status> all = {};
};

}  // namespace

Cluster::Cluster(const SimulationOptions& options, World& world, SimulatedStore& store)
    : options_(options), world_(world), store_(store), faults_(options.faults) {
  for (std::uint32_t n = 0; n < options.nodes; ++n) nodes_.push_back({.name = 'n' + std::to_string(n)});
  world_.observe({.born = [this](const auto& process, const auto& role) { born(process, role); },
                  .sent = [this](ActorId to, const Letter& letter) { sent(to, letter); }});
}

void Cluster::add(std::shared_ptr<const ServiceRuntime> service, std::uint32_t partitions) {
  services_.push_back(std::move(service));
  partitions_.push_back(partitions);
}

void Cluster::set_faults(const SimulationFaults& faults) {
  faults_ = faults;
  store_.set_faults(faults.store);
  world_.set_task_crashes(faults.crash_task);
}

void Cluster::thaw() {
  for (const Node& node : nodes_)
    if (node.process) world_.freeze(*node.process, {});
}

// --- a node's life ---

void Cluster::start_all() {
  for (std::uint32_t n = 0; n < nodes_.size(); ++n) start(n);
}

void Cluster::start(std::uint32_t n) {
  Node& node = nodes_[n];
  if (node.process) return;
  world_.note(node.name + " starts");
  node = {.name = node.name, .starts = node.starts + 1};
  node.board = std::make_shared<Board>();
  RootSetup setup{{}, node.board, options_.idle_check, options_.services};
  for (std::size_t s = 0; s < services_.size(); ++s) setup.services.push_back(setup_of(n, s));
  node.process = std::make_unique<SimulatedNode>(world_, node.name);
  node.process->start(setup);
}

std::shared_ptr<const ServiceSetup> Cluster::setup_of(std::uint32_t n, std::size_t s) {
  ServiceSetup setup{.runtime = services_[s], .open_session = [this, n, s] { return open_session(n, s); }};
  setup.bridge = options_.bridge, setup.supervision = options_.supervision;
  setup.source_slices_in_flight = options_.source_slices_in_flight;
  setup.source_records_per_poll = options_.source_records_per_poll;
  return std::make_shared<const ServiceSetup>(std::move(setup));
}

Result<std::unique_ptr<StoreSession>> Cluster::open_session(std::uint32_t n, std::size_t s) {
  const auto session_options = services_[s]->session_options(nodes_[n].name);
  auto session = store_.open_session(session_options);
  if (!session.ok() || !options_.hooks.session) return session;
  return options_.hooks.session(std::move(*session), session_options);
}

// Only what the process sent is left; it keeps its partitions until the store expires it.
void Cluster::die(std::uint32_t n) {
  Node& node = nodes_[n];
  world_.note(node.name + " dies");
  if (!node.process->doomed()) crash_sessions(node);
  gone(n);
  at(options_.session_timeout, [this, n, starts = node.starts] {
    if (!nodes_[n].process && nodes_[n].starts == starts) expire(n);
  });
}

void Cluster::crash_sessions(const Node& node) {
  for (const auto& service : services_) store_.crash(service->plan().name, node.name);
}

void Cluster::gone(std::uint32_t n) {
  judge_counts(nodes_[n]);
  nodes_[n].process.reset();
  at(world_.chance().up_to(faults_.down_most), [this, n] { start(n); });
}

void Cluster::end() {
  for (Node& node : nodes_) node.process.reset();
}

void Cluster::begin_to_stop(std::uint32_t n) {
  world_.trace().fired("node stopped");
  nodes_[n].phase = Node::Phase::drains;
  post({}, nodes_[n].process->root(), msg::Drain{});
  at_this_start(n, max_drain, [this, n] {
    if (nodes_[n].phase == Node::Phase::drains) stop(n);
  });
}

void Cluster::stop(std::uint32_t n) {
  world_.note(nodes_[n].name + " is stopped");
  nodes_[n].phase = Node::Phase::ends;
  post({}, nodes_[n].process->root(), msg::Stop{});
  at_this_start(n, max_end, [this, n] {
    world_.trace().fired("node killed because it did not end");
    die(n);
  });
}

void Cluster::expire(std::uint32_t n) {
  world_.note(nodes_[n].name + " has expired");
  for (const auto& service : services_) {
    try {
      store_.expire(service->plan().name, nodes_[n].name);
    } catch (const std::invalid_argument&) {  // it has no session now
    }
  }
}

void Cluster::freeze(std::uint32_t n) {
  world_.trace().fired("node frozen");
  const Duration time = world_.chance().up_to(faults_.frozen_most);
  world_.note(nodes_[n].name + " is frozen for " + std::to_string(time.count()) + " ms");
  world_.freeze(*nodes_[n].process, world_.now() + time);
  if (time <= options_.session_timeout) return;
  world_.trace().fired("node became a zombie");
  at_this_start(n, options_.session_timeout, [this, n] { expire(n); });
}

void Cluster::set_clock(std::uint32_t n) {
  world_.trace().fired("date of a node set");
  const Duration by = world_.chance().up_to(2 * faults_.clock_most) - faults_.clock_most;
  world_.note(nodes_[n].name + " sets its date by " + std::to_string(by.count()) + " ms");
  nodes_[n].process->set_wall(by);
}

// --- faults between messages ---

void Cluster::strike() {
  auto& chance = world_.chance();
  auto& trace = world_.trace();
  const auto n = static_cast<std::uint32_t>(chance.below(nodes_.size()));
  const Node& node = nodes_[n];
  const bool runs = node.process != nullptr;
  if (chance.happens(faults_.die) && runs) {
    trace.fired("node died");
    return die(n);
  }
  if (chance.happens(faults_.freeze) && runs && !world_.frozen(*node.process)) return freeze(n);
  if (chance.happens(faults_.stop) && runs && node.phase == Node::Phase::runs) return begin_to_stop(n);
  if (chance.happens(faults_.set_clock) && runs) return set_clock(n);
  if (chance.happens(faults_.lose_partition)) {
    trace.fired("all partitions of a node lost");
    return expire(n);
  }
  if (!chance.happens(faults_.move_partition)) return;
  const std::size_t s = chance.below(services_.size());
  const auto partition = static_cast<std::uint32_t>(chance.below(partitions_[s]));
  store_.move(services_[s]->plan().name, {partition}, node.name);
}

void Cluster::in_a_call() {
  Node* node = node_of(world_.working());
  if (!node || node->process->doomed() || !world_.chance().happens(faults_.die_in_call)) return;
  world_.trace().fired("node died in a call");
  crash_sessions(*node);
  node->process->doom();  // before the throw: CAF catches it
  throw ProcessDied{};
}

void Cluster::after_message() {
  for (std::uint32_t n = 0; n < nodes_.size(); ++n)
    if (nodes_[n].process) check_node(n);
}

void Cluster::check_node(std::uint32_t n) {
  Node& node = nodes_[n];
  if (node.process->doomed()) return die(n);
  if (node.phase == Node::Phase::ends) {
    if (!node.process->has_ended()) return;
    world_.note(node.name + " has ended");
    return gone(n);
  }
  const NodeState state = node.board->wait(NodeState::running, Duration(0));
  if (state == NodeState::failed) {
    world_.trace().fired("node gave up");
    world_.note(node.name + " gave up: " + node.board->failure());
    world_.chance().happens(0.5) ? die(n) : stop(n);
  } else if (state >= NodeState::drained && node.phase == Node::Phase::drains) {
    world_.trace().fired(state == NodeState::drained ? "node drained" : "node drained but for busy tasks");
    if (node.drained.size() < services_.size())
      wrong("a node reports that it is drained before its services are");
    stop(n);
  }
}

// --- time ---

void Cluster::at(MonotonicTime::duration wait, std::function<void()> what) {
  agenda_.emplace(world_.now() + wait, std::move(what));
}

void Cluster::at_this_start(std::uint32_t n, MonotonicTime::duration wait, std::function<void()> what) {
  at(wait, [this, n, starts = nodes_[n].starts, what = std::move(what)] {
    if (nodes_[n].process && nodes_[n].starts == starts) what();
  });
}

void Cluster::run_due() {
  while (!agenda_.empty() && agenda_.begin()->first <= world_.now()) {
    const auto what = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    what();
  }
}

std::optional<MonotonicTime> Cluster::next_due() const {
  return agenda_.empty() ? std::nullopt : std::optional(agenda_.begin()->first);
}

// --- rest, and questions ---

std::string Cluster::unrest() {
  for (const Node& node : nodes_) {
    if (!node.process || node.phase != Node::Phase::runs) return node.name + " is down";
    if (world_.frozen(*node.process)) return node.name + " is frozen";
  }
  for (const auto& service : services_)
    if (!store_.at_rest(service->plan().name)) return "the store has work for " + service->plan().name;
  activity_ = 0;
  for (Node& node : nodes_) {
    const auto answers = ask_all(node);
    for (std::size_t s = 0; s < services_.size(); ++s) {
      const std::string& service = services_[s]->plan().name;
      const auto answer =
          std::find_if(answers.begin(), answers.end(), [s](const auto& a) { return a.service == s; });
      if (answer == answers.end()) return node.name + '/' + service + " has no bridge";
      activity_ += answer->activity;
      // There may be fewer partitions than nodes.
      if (!answer->idle && store_.partitions(service, node.name) > 0)
        return node.name + '/' + service + " is not idle";
    }
  }
  return {};
}

std::vector<msg::Status> Cluster::ask_all(Node& node) {
  const auto answers = std::make_shared<Answers>();
  ++round_;
  for (const auto& known : world_.actors_of(*node.process))
    if (known.role.kind == Role::Kind::supervisor)
      post({}, node.process->ref<ToSupervisor>(known.id),
           msg::AskStatus{known.role.service, round_, Ref<ToRoot>(answers)});
  world_.run_ready();
  return answers->all;
}

bool Cluster::ask(const std::string& service, msg::Query query) {
  for (std::size_t s = 0; s < services_.size(); ++s) {
    if (services_[s]->plan().name != service) continue;
    const TaskId task{partition_of(query.key, partitions_[s])};
    for (const Node& node : nodes_) {
      if (!node.process) continue;
      for (const auto& known : world_.actors_of(*node.process)) {
        if (known.role.kind != Role::Kind::task || known.role.service != s || known.role.task != task)
          continue;
        post({}, node.process->ref<ToPartition>(known.id), std::move(query));
        return true;
      }
    }
  }
  return false;
}

// --- what starts and letters tell of the actors ---

Cluster::Node* Cluster::node_of(const SimulatedNode* process) {
  const auto it = std::find_if(nodes_.begin(), nodes_.end(),
                               [&](const Node& n) { return process && n.process.get() == process; });
  return it == nodes_.end() ? nullptr : &*it;
}

// A bridge starts after everything of its predecessor is gone, a supervisor after its whole service is.
void Cluster::born(const SimulatedNode& process, const Role& role) {
  for (const auto& known : world_.actors_of(process)) {
    if (known.role.service != role.service || known.role.kind == Role::Kind::root) continue;
    const bool is_its_old_self = known.role.kind == role.kind && known.role.task == role.task;
    if (role.kind == Role::Kind::supervisor || is_its_old_self)
      return wrong("a task, bridge or supervisor starts before its predecessor is gone");
    if (role.kind == Role::Kind::bridge && known.role.kind == Role::Kind::task &&
        !told_to_end_.contains(known.id))
      return wrong("a bridge starts while a task of its predecessor runs that was not told to end");
  }
}

void Cluster::sent(ActorId to, const Letter& letter) {
  auto& trace = world_.trace();
  const Mail& mail = letter.mail;
  if (const auto* down = message_if<msg::Down>(mail)) {
    const auto child = world_.find(letter.from);
    if (child && !down->reason.in_order) has_failed(*child, down->reason);
  } else if (message_if<msg::End>(mail) || message_if<msg::Stop>(mail)) {
    told_to_end_.insert(to);
    if (const auto child = world_.find(to)) ended(*child);
  } else if (const auto* tasks = message_if<msg::RestartTasks>(mail)) {
    trace.fired("task restarted");
    if (tasks->tasks.size() > 1) trace.fired("tasks restarted with a source");
  } else if (message_if<msg::RestartBridge>(mail)) {
    restarts_bridge(letter.from);
  } else if (message_if<msg::RestartServices>(mail)) {
    trace.fired("service restarted");
  } else if (const auto* gave_up = message_if<msg::GaveUp>(mail)) {
    trace.fired(!gave_up->is_permanent               ? "gave up: too many failures"
                : gave_up->code == ErrorCode::fenced ? "gave up: fenced by a duplicate"
                                                     : "gave up: final failure");
  } else if (message_if<msg::Drained>(mail)) {
    const auto bridge = world_.find(letter.from);
    Node* node = bridge ? node_of(bridge->node) : nullptr;
    if (node) node->drained.insert(bridge->role.service);
    if (node && store_.has_cycle(services_[bridge->role.service]->plan().name, node->name))
      wrong("a bridge reports Drained with a cycle open or in flight");
  }
}

Cluster::Ended* Cluster::ended(const World::Known& child) {
  Node* node = node_of(child.node);
  if (!node) return nullptr;
  Ended& ended = node->ended[child.role.service];
  switch (child.role.kind) {
    case Role::Kind::root:
      return nullptr;
    case Role::Kind::supervisor:
      ++ended.supervisors;
      break;
    case Role::Kind::bridge:
      ++ended.bridges;
      break;
    case Role::Kind::task:
      ++(child.role.task.is_source() ? ended.sources : ended.partitions);
      break;
  }
  return &ended;
}

void Cluster::has_failed(const World::Known& child, const EndReason& reason) {
  if (reason.code == ErrorCode::internal || reason.code == ErrorCode::invalid_argument) wrong(reason.text);
  Ended* all = ended(child);
  if (!all || child.role.kind == Role::Kind::supervisor) return;
  ++all->failed;
  for (const auto& known : world_.actors_of(*child.node))
    if (known.role.kind == Role::Kind::supervisor && known.role.service == child.role.service)
      last_down_[known.id] = child.role.kind;
}

void Cluster::restarts_bridge(ActorId supervisor) {
  if (last_down_[supervisor] == Role::Kind::bridge) return world_.trace().fired("bridge restarted");
  world_.trace().fired("task restarted");
  world_.trace().fired("all restarted with a task");
}

void Cluster::judge_counts() {
  for (const Node& node : nodes_)
    if (node.process) judge_counts(node);
}

void Cluster::judge_counts(const Node& node) {
  const auto counts = node.board->counts();
  for (std::size_t s = 0; s < counts.size(); ++s) {
    const auto known = node.ended.find(s);
    const Ended ended = known == node.ended.end() ? Ended{} : known->second;
    std::uint64_t failures = 0;
    for (const auto& [error_class, times] : counts[s].failures) failures += times;
    if (counts[s].partition_restarts > ended.partitions || counts[s].source_restarts > ended.sources ||
        counts[s].bridge_restarts > ended.bridges || counts[s].service_restarts > ended.supervisors ||
        failures > ended.failed)
      wrong("restarts or failures were counted that did not happen");
  }
}

}  // namespace eventy::testing
