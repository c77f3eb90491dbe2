#include "bridge.hpp"

#include <algorithm>

namespace eventy::actors {

void BridgeActor::begin(BridgeSetup setup) {
  setup_ = std::move(setup);
  step_soon();
}

// The store may call its waker from any thread, with locks held, even after this actor has ended.
void BridgeActor::open() {
  auto session = setup_.service->open_session();
  if (!session.ok()) throw Failure(session.error());
  engine_ =
      std::make_unique<BridgeEngine>(setup_.service->runtime, std::move(*session), setup_.service->bridge,
                                     self_.host->clock(), setup_.metrics->bridge());
  engine_->on_ready([sent = step_is_sent_, weak = std::weak_ptr(self_.ref.mailbox())] {
    if (!sent->exchange(true)) post({}, Ref<ToBridge>(weak.lock()), msg::Continue{});
  });
  if (draining_) engine_->drain();
}

void BridgeActor::step() {
  if (!engine_) open();
  perform(engine_->step());
  go_on();
}

void BridgeActor::go_on() {
  if (engine_->wants_step()) {
    step_soon();
  } else if (const auto at = engine_->wake_at(); at && (!wakes_at_ || *at < *wakes_at_)) {
    wakes_at_ = at;
    self_.post(self_.ref, msg::Wake{}, *at - self_.now());
  }
  if (!draining_ || reported_) return;
  auto busy = engine_->held_up();
  reported_ = !busy.empty() || engine_->drained();
  if (reported_) self_.post(setup_.supervisor, msg::Drained{std::move(busy)});
}

void BridgeActor::step_soon() {
  if (!step_is_sent_->exchange(true)) self_.post(self_.ref, msg::Continue{});
}

// --- actions of the engine ---

void BridgeActor::perform(const std::vector<BridgeAction>& actions) {
  for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
}

void BridgeActor::perform(const action::StartTask& a) {
  children_[a.task] = Child{a.epoch};
  self_.post(setup_.supervisor, msg::StartTask{a.task, a.epoch, engine_->routes(), a.state});
  if (draining_ && a.task.is_source()) tell(a.task, msg::StopPolling{});
}

void BridgeActor::perform(const action::StopTask& a) {
  children_.erase(a.task);
  self_.post(setup_.supervisor, msg::StopTask{a.task});
}

void BridgeActor::tell(TaskId task, TaskMail mail) {
  const auto it = children_.find(task);
  if (it == children_.end()) return;  // it failed; its successor starts over
  if (it->second.actor) {
    post_to(*it->second.actor, mail);
  } else {
    it->second.waiting.push_back(std::move(mail));
  }
}

void BridgeActor::post_to(const TaskRef& task, const TaskMail& mail) const {
  std::visit(
      [this]<class Receiver, class Message>(const Ref<Receiver>& to, const Message& message) {
        if constexpr (Takes<Receiver, Message>) {
          self_.post(to, message);
        } else {
          throw Failure({ErrorCode::internal, "mail for another kind of task"});
        }
      },
      task, mail);
}

// --- messages of tasks and the supervisor ---

void BridgeActor::handle(const msg::DeferredTurnsDone& m) {
  engine_->deferred_done(m.task, m.epoch, m.up_to, *m.outputs);
  go_on();
}

void BridgeActor::handle(const msg::TaskStarted& m) {
  const auto it = children_.find(m.task);
  if (it == children_.end() || it->second.started != m.epoch) return;
  it->second.actor = m.actor;
  for (const auto& mail : std::exchange(it->second.waiting, {})) post_to(m.actor, mail);
}

void BridgeActor::handle(const msg::TasksDown& m) {
  for (const TaskId task : m.tasks) children_.erase(task);
  perform(engine_->tasks_down(m.tasks));
  go_on();
}

void BridgeActor::handle(const msg::Drain&) {
  draining_ = true;
  if (!engine_) return;  // the first step will make the engine
  engine_->drain();
  for (const auto& child : children_)
    if (child.first.is_source()) tell(child.first, msg::StopPolling{});
  step_soon();
}

void BridgeActor::handle(const msg::AskStatus& m) {
  const bool idle = engine_ && engine_->idle();
  self_.post(m.asker, msg::Status{m.service, m.round, idle, engine_ ? engine_->activity() : 0});
}

}  // namespace eventy::actors
