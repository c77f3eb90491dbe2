#include "eventy/actors/messages.hpp"

namespace eventy::actors {

namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }

std::string names(const std::vector<TaskId>& tasks) {
  std::string text;
  for (const TaskId task : tasks) text += (text.empty() ? " " : ", ") + name_of(task);
  return text;
}

struct Describe {
  template <class... Messages>
  std::string operator()(const std::variant<Messages...>& mail) const {
    return std::visit(*this, mail);
  }
  std::string operator()(const msg::Deliver& m) const {
    const Batch& b = *m.batch;
    std::string text = "Deliver epoch " + number(m.epoch.value) + ", topic " + number(b.topic.value);
    if (b.records.empty()) return text + ", nothing";
    return text + ", offsets " + std::to_string(b.records.front().offset.value) + " to " +
           std::to_string(b.records.back().offset.value);
  }
  std::string operator()(const msg::CommittedUpTo& m) const {
    return "CommittedUpTo epoch " + number(m.epoch.value) + ", slice " + number(m.up_to.value);
  }
  std::string operator()(const msg::RewindTo& m) const { return "RewindTo epoch " + number(m.epoch.value); }
  std::string operator()(const msg::StopPolling&) const { return "StopPolling"; }
  std::string operator()(const msg::Query& m) const { return "Query " + m.name; }
  std::string operator()(const msg::Continue&) const { return "Continue"; }
  std::string operator()(const msg::Wake&) const { return "Wake"; }
  std::string operator()(const msg::SliceFinished& m) const {
    std::string text = "SliceFinished " + name_of(m.slice->task) + ", epoch " + number(m.slice->epoch.value) +
                       ", slice " + number(m.slice->number.value) + ", " + number(m.slice->records) +
                       " records";
    for (const auto& p : m.slice->effects.positions)
      text += ", topic " + number(p.topic.value) + " up to " + std::to_string(p.next.value);
    return text;
  }
  std::string operator()(const msg::DeferredTurnsDone& m) const {
    return "DeferredTurnsDone " + name_of(m.task) + ", epoch " + number(m.epoch.value) + ", slice " +
           number(m.up_to.value) + ", " + number(m.outputs->entries.size()) + " outputs";
  }
  std::string operator()(const msg::TaskWaiting& m) const { return "TaskWaiting " + name_of(m.task); }
  std::string operator()(const msg::TaskStarted& m) const {
    return "TaskStarted " + name_of(m.task) + ", epoch " + number(m.epoch.value);
  }
  std::string operator()(const msg::TasksDown& m) const { return "TasksDown" + names(m.tasks); }
  std::string operator()(const msg::TaskBackoffOver& m) const { return "TaskBackoffOver " + name_of(m.task); }
  std::string operator()(const msg::Drain&) const { return "Drain"; }
  std::string operator()(const msg::AskStatus& m) const { return "AskStatus round " + number(m.round); }
  std::string operator()(const msg::StartTask& m) const {
    return "StartTask " + name_of(m.task) + ", epoch " + number(m.epoch.value);
  }
  std::string operator()(const msg::StopTask& m) const { return "StopTask " + name_of(m.task); }
  std::string operator()(const msg::Drained& m) const {
    return m.busy.empty() ? "Drained" : "Drained except" + names(m.busy);
  }
  std::string operator()(const msg::RestartTasks& m) const { return "RestartTasks" + names(m.tasks); }
  std::string operator()(const msg::RestartBridge&) const { return "RestartBridge"; }
  std::string operator()(const msg::Status& m) const {
    return "Status of service " + number(m.service) + ", round " + number(m.round) +
           (m.idle ? ", idle" : ", busy") + ", activity " + number(m.activity);
  }
  std::string operator()(const msg::ServiceDrained& m) const { return "ServiceDrained " + number(m.service); }
  std::string operator()(const msg::GaveUp& m) const { return "GaveUp: " + m.why; }
  std::string operator()(const msg::RestartServices& m) const {
    std::string text = "RestartServices";
    for (const auto service : m.services) text += ' ' + number(service);
    return text;
  }
  std::string operator()(const msg::AskRound&) const { return "AskRound"; }
  std::string operator()(const msg::End&) const { return "End"; }
  std::string operator()(const msg::Stop&) const { return "Stop"; }
  std::string operator()(const msg::Down& m) const { return "Down: " + m.reason.text; }
};

}  // namespace

std::string name_of(TaskId task) {
  return (task.is_source() ? "source " + number(task.source) + " of " : "") + "partition " +
         number(task.partition.value);
}

std::string describe(const Mail& mail) { return std::visit(Describe{}, mail); }

}  // namespace eventy::actors
