#include "eventy/engine/bridge_engine.hpp"

#include <spdlog/spdlog.h>

#include "bridge_ownership.hpp"
#include "eventy/engine/failure_class.hpp"

namespace eventy {

struct BridgeEngine::Parts {
  Parts(std::shared_ptr<const ServiceRuntime> runtime, std::unique_ptr<StoreSession> session,
        const BridgeOptions& options, const Clock& clock, std::shared_ptr<BridgeMetrics> metrics)
      : environment(std::move(runtime), std::move(session), options, clock, std::move(metrics)) {}

  BridgeEnvironment environment;
  BridgeTasks tasks{environment};
  BridgeCycles cycles{environment, tasks};
  BridgeOwnership ownership{environment, tasks, cycles};
  MonotonicTime progressed = {};  // since it drains

  void handle(const Assigned& e) { ownership.assigned(e); }
  void handle(const Restoring& e) { ownership.restoring(e); }
  void handle(const Restored& e) { ownership.restored(e); }
  void handle(const Revoked& e) { ownership.revoked(e); }
  void handle(const Lost& e) { ownership.lost(e); }
  void handle(const Records& e) {
    if (!environment.is_draining && cycles.takes_records()) tasks.deliver(e.batch);
  }
  void handle(const Committed& e);
  void handle(const Aborted& e);
  void handle(const UnknownOutcome& e);

  bool hands_over() const { return environment.is_draining && environment.options.hand_over_after; }
  MonotonicTime hands_over_at() const { return progressed + *environment.options.hand_over_after; }
  std::vector<BridgeAction> take_actions() { return std::exchange(environment.actions, {}); }
};

BridgeEngine::BridgeEngine(std::shared_ptr<const ServiceRuntime> runtime,
                           std::unique_ptr<StoreSession> session, BridgeOptions options, const Clock& clock,
                           std::shared_ptr<BridgeMetrics> metrics)
    : parts_(std::make_unique<Parts>(std::move(runtime), std::move(session), options, clock,
                                     std::move(metrics))) {}

// A session that cannot even be closed is left to the store.
BridgeEngine::~BridgeEngine() {
  const BridgeEnvironment& environment = parts_->environment;
  if (const auto& views = environment.options.views) views->clear();
  try {
    environment.session->close();
  } catch (...) {
    if (auto* log = environment.log())
      log->error("service {}: closing its session failed: {}", environment.service(),
                 describe(std::current_exception()).reason);
  }
}

const std::shared_ptr<const Routes>& BridgeEngine::routes() const { return parts_->environment.routes; }

void BridgeEngine::on_ready(std::function<void()> wake) {
  parts_->environment.session->on_ready(std::move(wake));
}

bool BridgeEngine::has_tasks() const { return !parts_->tasks.all().empty(); }

std::uint64_t BridgeEngine::activity() const { return parts_->environment.activity; }

bool BridgeEngine::wants_step() const { return parts_->environment.wants_step; }

BridgeStats BridgeEngine::stats() const { return parts_->environment.metrics->snapshot(); }

std::vector<BridgeAction> BridgeEngine::step() {
  Parts& p = *parts_;
  p.environment.wants_step = false;
  p.cycles.begin_round();
  auto events = p.environment.session->poll(p.environment.options.poll);
  if (!events.ok()) throw Failure(events.error());
  for (const auto& event : *events) std::visit([&](const auto& e) { p.handle(e); }, event);
  p.ownership.report_restores();
  p.cycles.end_round();
  p.ownership.let_go();  // whatever undid the cycle that held them
  p.tasks.hold_back();
  return p.take_actions();
}

// --- what the store says of a commit ---

void BridgeEngine::Parts::handle(const Committed& e) {
  if (environment.is_draining) progressed = environment.clock.now();
  cycles.committed(e);
  ownership.let_go();
}

void BridgeEngine::Parts::handle(const Aborted& e) {
  cycles.aborted(e);
  ownership.let_go();
}

void BridgeEngine::Parts::handle(const UnknownOutcome& e) {
  const auto outcome = environment.session->resolve(e.cycle);
  if (!outcome.ok()) throw Failure(outcome.error());
  if (*outcome == Outcome::committed) {
    handle(Committed{e.cycle});
  } else {
    handle(Aborted{e.cycle, e.reason});
  }
}

// --- what tasks say ---

std::vector<BridgeAction> BridgeEngine::accept(std::shared_ptr<const Slice> slice) {
  parts_->cycles.accept(slice);
  return parts_->take_actions();
}

void BridgeEngine::deferred_done(TaskId task, Epoch epoch, SliceNumber up_to, const OutputBuffer& outputs) {
  parts_->cycles.write_deferred(outputs);
  if (auto* known = parts_->tasks.find(task, epoch))
    std::erase_if(known->deferred_slices, [&](std::uint64_t n) { return n <= up_to.value; });
}

void BridgeEngine::task_waits(TaskId task, Epoch epoch) {
  if (auto* known = parts_->tasks.find(task, epoch)) known->waits = true;
}

std::vector<BridgeAction> BridgeEngine::tasks_down(const std::vector<TaskId>& tasks) {
  bool any = false;
  for (const TaskId task : tasks) {
    // A task that is not restored has not started. The news is of an earlier one, before its partition came
    // back.
    auto* known = parts_->tasks.find(task);
    if (!known || !known->state) continue;
    known->down = any = true;
  }
  if (any) parts_->cycles.undo_all();
  return parts_->take_actions();
}

std::vector<BridgeAction> BridgeEngine::start_again(TaskId task) {
  Parts& p = *parts_;
  if (auto* known = p.tasks.find(task); known && known->down) {
    // Records that were polled meanwhile and not delivered are before the session's cursor: it goes back once
    // more.
    known->down = false;
    p.cycles.undo_all();
    std::erase_if(p.environment.actions, [&](const BridgeAction& a) {
      const auto* rewind = std::get_if<action::RewindTo>(&a);
      return rewind && rewind->task == task;
    });
    p.ownership.start(task, known->state);
  }
  return p.take_actions();
}

// --- when it ends or waits ---

void BridgeEngine::drain() {
  parts_->environment.is_draining = true;
  parts_->progressed = parts_->environment.clock.now();
}

// What a partition holds that waits for a retry or a probe is read again after the next start.
bool BridgeEngine::drained() const {
  const Parts& p = *parts_;
  if (!p.environment.is_draining) return false;
  if (p.cycles.rests_until()) return !p.environment.book.in_flight();  // nothing can be committed just now
  return p.cycles.is_settled() && p.tasks.all_are_done();
}

std::vector<TaskId> BridgeEngine::held_up() const {
  const Parts& p = *parts_;
  if (!p.hands_over() || !p.cycles.is_settled() || p.environment.clock.now() < p.hands_over_at()) return {};
  std::vector<TaskId> busy;
  for (const auto& [id, task] : p.tasks.all())
    if (!task.is_done()) busy.push_back(id);
  const bool are_all = busy.size() == p.tasks.all().size();
  if (are_all && !p.environment.options.hands_over_all) return {};  // none is better off elsewhere
  return busy;
}

std::optional<MonotonicTime> BridgeEngine::wake_at() const {
  const Parts& p = *parts_;
  if (const auto rests_until = p.cycles.rests_until()) return rests_until;
  if (p.environment.book.in_flight()) return std::nullopt;
  const auto due = p.environment.book.due_at();
  if (due || !p.hands_over()) return due;
  if (p.environment.clock.now() >= p.hands_over_at()) return std::nullopt;
  return p.hands_over_at();
}

bool BridgeEngine::idle() {
  const Parts& p = *parts_;
  if (!p.cycles.is_settled() || !has_tasks()) return false;
  for (const auto& [id, task] : p.tasks.all()) {
    if (!task.state || task.down || task.in_flight > 0 || !task.deferred_slices.empty()) return false;
    if (id.is_source() && !task.waits) return false;
  }
  const auto end = p.environment.session->at_end();
  if (!end.ok()) throw Failure(end.error());
  return *end;
}

}  // namespace eventy
