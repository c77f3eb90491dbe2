#include "root.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "supervisor.hpp"

namespace eventy::actors {

namespace {
constexpr std::size_t max_checks_for_an_answer = 500;
}

void RootActor::begin(RootSetup setup) {
  setup_ = std::move(setup);
  supervision_ = Supervision(setup_.supervision, Supervision::FirstChild::is_peer);
  for (const auto& service : setup_.services) setup_.board->add_service(service->runtime->plan().name);
  services_.resize(setup_.services.size());
  for (std::size_t i = 0; i < services_.size(); ++i) start(i);
  if (setup_.idle_check > Duration(0)) self_.post(self_.ref, msg::AskRound{}, setup_.idle_check);
}

// --- services ---

void RootActor::start(std::size_t number) {
  Service& service = services_.at(number);
  service.supervisor = spawn<SupervisorActor>(
      *self_.host, {Role::Kind::supervisor, number}, RunsOn::own_thread,
      {number, setup_.services[number], self_.ref, setup_.board, setup_.watchdog}, self_.ref);
  service.restarts = service.is_due = false;
  if (draining_) self_.post(service.supervisor, msg::Drain{});
}

void RootActor::handle(const msg::RestartServices& m) {
  for (const std::size_t i : m.services) services_.at(i).is_due = true;
  start_due();
}

void RootActor::start_due() {
  if (stopping_) return;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const Service& service = services_[i];
    if (!service.restarts || !service.is_due || service.supervisor) continue;
    setup_.board->metrics(i)->supervision().service_restarts.add();
    start(i);
  }
}

// The supervisor ends its children and itself after this message.
void RootActor::handle(const msg::GaveUp& m) {
  if (stopping_) return;
  if (m.is_permanent) return setup_.board->set_failed(m.why);
  std::vector<Supervision::Child> running;
  for (std::size_t i = 0; i < services_.size(); ++i)
    if (i != m.service && services_[i].supervisor && !services_[i].restarts)
      running.push_back(Supervision::service(i));
  const auto decision = supervision_.failed(Supervision::service(m.service), self_.now(), m.code, running);
  if (decision.verdict != RestartPolicy::Verdict::restart) return escalate(m.why);
  std::vector<std::size_t> numbers{m.service};
  for (const auto& child : decision.with_it) {
    numbers.push_back(child.rank);
    self_.post(services_[child.rank].supervisor, msg::Stop{});
  }
  for (const std::size_t i : numbers) {
    services_[i].restarts = true;
    drained_.erase(i);
  }
  tell_of_restart(m, decision);
  self_.post(self_.ref, msg::RestartServices{std::move(numbers)}, decision.wait);
}

void RootActor::tell_of_restart(const msg::GaveUp& m, const Supervision::Decision& decision) const {
  const auto& restarts = setup_.supervision.restarts;
  if (const auto& log = setup_.services[m.service]->runtime->options().log)
    log->error("{}; restarting the service{} in {} ms ({} of {} restarts of services within {} ms)", m.why,
               decision.with_it.empty() ? "" : fmt::format(" with {} others", decision.with_it.size()),
               decision.wait.count(), supervision_.recent(), restarts.intensity, restarts.period.count());
}

void RootActor::escalate(const std::string& why) const {
  const std::size_t before = supervision_.recent() - 1;
  if (before == 0) return setup_.board->set_failed(why);
  setup_.board->set_failed(why + " (again after " + std::to_string(before) + " restarts of services within " +
                           std::to_string(setup_.supervision.restarts.period.count()) + " ms)");
}

// A supervisor that ends without giving up has crashed; the state of its children is unknown.
void RootActor::handle(const msg::Down& m) {
  for (std::size_t i = 0; i < services_.size(); ++i) {
    Service& service = services_[i];
    if (!service.supervisor || service.supervisor.id() != m.child) continue;
    service.supervisor = {};
    if (!stopping_ && !service.restarts && !drained_.contains(i)) setup_.board->set_failed(m.reason.text);
  }
  start_due();
  if (stopping_ && all_are_gone()) self_.actor->quit();
}

bool RootActor::all_are_gone() const {
  return std::none_of(services_.begin(), services_.end(),
                      [](const auto& s) { return static_cast<bool>(s.supervisor); });
}

void RootActor::handle(const msg::Stop&) {
  stopping_ = true;
  for (const auto& s : services_) self_.post(s.supervisor, msg::Stop{});
  if (all_are_gone()) self_.actor->quit();
}

void RootActor::handle(const msg::Drain&) {
  draining_ = true;
  for (const auto& s : services_) self_.post(s.supervisor, msg::Drain{});
  if (services_.empty()) setup_.board->set_drained();
}

// Ends its session now, so that other nodes get its partitions, whatever the other services do.
void RootActor::handle(const msg::ServiceDrained& m) {
  drained_.insert(m.service);
  all_drained_ = all_drained_ && m.all;
  self_.post(services_.at(m.service).supervisor, msg::Stop{});
  if (drained_.size() < services_.size()) return;
  all_drained_ ? setup_.board->set_drained() : setup_.board->set_handed_over();
}

// --- idle ---

// Everything is idle if all services say so in two consecutive rounds and nothing was written in between that
// could be work for a service that had already answered.
void RootActor::handle(const msg::AskRound&) {
  self_.post(self_.ref, msg::AskRound{}, setup_.idle_check);
  // A remote store takes time to answer. If an answer never comes, the bridge that was asked has failed.
  const bool waits = round_ > 0 && answers_ < services_.size();
  if (waits && ++waited_ < max_checks_for_an_answer) return;
  waited_ = 0;
  ++round_;
  answers_ = 0;
  activity_ = 0;
  all_idle_ = true;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    if (services_[i].supervisor && !services_[i].restarts) {
      self_.post(services_[i].supervisor, msg::AskStatus{i, round_, self_.ref});
    } else {
      hear({i, round_, false, 0});  // it is being restarted
    }
  }
}

void RootActor::hear(const msg::Status& m) {
  if (m.round != round_) return;  // too late; it counted as no answer
  activity_ += m.activity;
  all_idle_ = all_idle_ && m.idle;
  if (++answers_ < services_.size()) return;
  if (all_idle_ && idle_activity_ == activity_) setup_.board->set_idle();
  idle_activity_ = all_idle_ ? std::optional(activity_) : std::nullopt;
}

}  // namespace eventy::actors
