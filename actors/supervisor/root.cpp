#include "root.hpp"

#include "../failure.hpp"
#include "supervisor.hpp"

namespace eventy::actors {

namespace {
constexpr std::size_t most_checks_for_an_answer = 500;
}

caf::behavior root(caf::stateful_actor<RootState>* self, const RootSetup& setup) {
  return self->state.begin(setup);
}

caf::behavior RootState::begin(RootSetup setup) {
  setup_ = std::move(setup);
  keep_text_of_exceptions(self_);
  self_->set_down_handler([this](const caf::down_msg& m) { supervisor_is_down(m); });
  for (const auto& service : setup_.services) {
    supervisors_.push_back(self_->spawn(
        supervisor,
        SupervisorSetup{supervisors_.size(), service, setup_.clock, caf::actor_cast<caf::actor>(self_)}));
    alive_.insert(supervisors_.back().address());
    self_->monitor(supervisors_.back());
  }
  if (setup_.idle_check > Duration(0)) self_->delayed_send(self_, setup_.idle_check, msg::AskRound{});
  return {
      [this](const msg::AskRound&) { ask_round(); },
      [this](const msg::Status& m) { hear(m); },
      [this](const msg::Drain&) {
        for (const auto& s : supervisors_) self_->send(s, msg::Drain{});
        if (supervisors_.empty()) setup_.board->set_drained();
      },
      [this](const msg::ServiceDrained& m) {
        drained_.insert(m.service);
        if (drained_.size() == supervisors_.size()) setup_.board->set_drained();
      },
      [this](const msg::Stop&) { stop(); },
  };
}

void RootState::supervisor_is_down(const caf::down_msg& m) {
  alive_.erase(m.source);
  if (!stopping_) setup_.board->set_failed(text_of(m.reason));
  if (stopping_ && alive_.empty()) self_->quit();
}

void RootState::stop() {
  stopping_ = true;
  for (const auto& s : supervisors_) self_->send(s, msg::Stop{});
  if (alive_.empty()) self_->quit();
}

// Everything is idle if all services say so in two rounds, one after the other, and nothing was written in
// between that could be work for one that had answered already.
void RootState::ask_round() {
  self_->delayed_send(self_, setup_.idle_check, msg::AskRound{});
  // A store elsewhere takes its time to answer; an answer that never comes was asked of a bridge that failed.
  const bool waits = round_ > 0 && answers_ < supervisors_.size();
  if (waits && ++waited_ < most_checks_for_an_answer) return;
  waited_ = 0;
  ++round_;
  answers_ = 0;
  activity_ = 0;
  all_idle_ = true;
  for (std::size_t i = 0; i < supervisors_.size(); ++i)
    self_->send(supervisors_[i], msg::AskStatus{i, round_, caf::actor_cast<caf::actor>(self_)});
}

void RootState::hear(const msg::Status& m) {
  if (m.round != round_) return;  // too late: counted as no answer
  activity_ += m.activity;
  all_idle_ = all_idle_ && m.idle;
  if (++answers_ < supervisors_.size()) return;
  if (all_idle_ && idle_activity_ == activity_) setup_.board->set_idle();
  idle_activity_ = all_idle_ ? std::optional(activity_) : std::nullopt;
}

}  // namespace eventy::actors
