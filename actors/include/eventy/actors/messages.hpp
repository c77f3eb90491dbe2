// The messages between the actors of a node: for each actor those that it takes, and no others. They stay
// within one process: large values are shared pointers, and no type of a user's service occurs in them. They
// are sent by post(); see post.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "eventy/engine/runtime.hpp"
#include "eventy/engine/slice.hpp"

namespace eventy::actors {

using ActorId = Strong<struct ActorTag, std::uint64_t>;  // unique in a process; 0: nobody

// Why an actor ended.
struct EndReason {
  std::string text = {};
  std::string error_class = {};  // the name of its code or of the thrown type
  std::optional<ErrorCode> code = {};
  bool in_order = false;  // it was told to end, or had nothing left to do
};

// Tags of the actors, by the messages that they take.
struct ToPartition;
struct ToSource;
struct ToBridge;
struct ToSupervisor;
struct ToRoot;
template <class Receiver>
class Ref;

namespace msg {

// --- to a task (a partition or a source), from its bridge ---
// Records to handle, in order; to a partition.
struct Deliver {
  Epoch epoch;
  std::shared_ptr<const Batch> batch;
  Offset from = {};  // the task already has the records before it
};
// The slices up to this one are durable.
struct CommittedUpTo {
  Epoch epoch;
  SliceNumber up_to;
};
// Everything since the last commit is void; mail of other epochs is dropped.
struct RewindTo {
  Epoch epoch;
};
struct StopPolling {};  // poll no more; to a source
// A query about one key, in the service's state format; to a partition.
struct Query {
  std::string name, key, question;
  // Gets the answer in the same format. The partition calls it, or nobody does if the partition ends first.
  std::function<void(Result<std::string>)> answer;
};

// --- to the actor itself ---
struct Continue {};  // continues with the work at hand; a bridge gets it from its store, too
struct Wake {};      // a timer: continues with postponed work

// --- to a bridge, from its tasks ---
// A slice is done.
struct SliceFinished {
  std::shared_ptr<const Slice> slice;
};
// The at-most-once turns up to this slice have run, with these outputs.
struct DeferredTurnsDone {
  TaskId task;
  Epoch epoch;
  SliceNumber up_to;
  std::shared_ptr<const OutputBuffer> outputs;
};
// The source found nothing, or the partition waits for a retry or a probe.
struct TaskWaiting {
  TaskId task;
  Epoch epoch;
};

// --- to a bridge, from its supervisor ---
struct TaskStarted;  // the answer to StartTask; below
// These tasks failed or were stopped with one that failed; their backoff has begun.
struct TasksDown {
  std::vector<TaskId> tasks;
};
// The backoff of the task is over.
struct TaskBackoffOver {
  TaskId task;
};
struct Drain {};   // commit the work in progress, take no more; also to supervisors and the root
struct AskStatus;  // asks whether work is left; also to a supervisor; below

// --- to a supervisor ---
// From the bridge: run this task from this state.
struct StartTask {
  TaskId task;
  Epoch epoch;
  std::shared_ptr<const Routes> routes;
  std::shared_ptr<const StateReader> state;
};
// From the bridge: the task belongs to another node now.
struct StopTask {
  TaskId task;
};
// From the bridge: everything is committed, except the work of `busy`, whose handlers do not return.
struct Drained {
  std::vector<TaskId> busy;
};
// A timer: the backoff of the tasks is over. Ignored if the bridge was restarted since.
struct RestartTasks {
  std::vector<TaskId> tasks;
  std::uint64_t bridge_number;
};
struct RestartBridge {  // a timer: the bridge's backoff is over
  std::uint64_t bridge_number;
};

// --- to the root ---
struct Status {  // the answer to AskStatus
  std::size_t service;
  std::uint64_t round;
  bool idle;
  std::uint64_t activity;
};
struct ServiceDrained {  // from a supervisor
  std::size_t service;
  bool all;  // false: handlers that do not return hold up some of it
};
// From a supervisor that gives up: it ends its children, then itself.
struct GaveUp {
  std::size_t service;
  std::string why;
  std::optional<ErrorCode> code;  // of the error, if it has one
  bool is_permanent;              // a new supervisor would fail in the same way
};
struct RestartServices {  // a timer: their backoff is over
  std::vector<std::size_t> services;
};
struct AskRound {};  // a timer: ask all services for their status

// --- to several ---
struct End {};   // end now; to tasks and bridges, from their supervisor
struct Stop {};  // end all children, then yourself; to supervisors and the root
// A child has ended; to supervisors and the root.
struct Down {
  ActorId child;
  EndReason reason;
};

}  // namespace msg

// --- where mail goes ---

struct Letter;

// Accepts the mail of one actor. Made by what runs the actor: a node or a simulation.
class Mailbox {
 public:
  explicit Mailbox(ActorId id) : id_(id) {}
  virtual ~Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ActorId id() const { return id_; }
  // Any thread. Mail for an actor that has ended is dropped.
  virtual void put(Letter letter, std::chrono::nanoseconds wait) = 0;

 private:
  ActorId id_;
};

// A reference to an actor, by the messages that it takes. Cheap to copy. An actor that holds a reference to
// itself lives until it ends.
template <class Receiver>
class Ref {
 public:
  Ref() = default;
  explicit Ref(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  explicit operator bool() const { return mailbox_ != nullptr; }
  ActorId id() const { return mailbox_ ? mailbox_->id() : ActorId{}; }
  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

 private:
  std::shared_ptr<Mailbox> mailbox_;
};

using TaskRef = std::variant<Ref<ToPartition>, Ref<ToSource>>;

struct msg::TaskStarted {
  TaskId task;
  Epoch epoch;
  TaskRef actor;
};
struct msg::AskStatus {
  std::size_t service;
  std::uint64_t round;
  Ref<ToRoot> asker;
};

struct ToPartition {
  using Mail =
      std::variant<msg::Deliver, msg::CommittedUpTo, msg::RewindTo, msg::Query, msg::Continue, msg::End>;
};
struct ToSource {
  using Mail =
      std::variant<msg::CommittedUpTo, msg::RewindTo, msg::StopPolling, msg::Continue, msg::Wake, msg::End>;
};
struct ToBridge {
  using Mail = std::variant<msg::SliceFinished, msg::DeferredTurnsDone, msg::TaskWaiting, msg::TaskStarted,
                            msg::TasksDown, msg::TaskBackoffOver, msg::Drain, msg::AskStatus, msg::Continue,
                            msg::Wake, msg::End>;
};
struct ToSupervisor {
  using Mail = std::variant<msg::StartTask, msg::StopTask, msg::Drained, msg::RestartTasks,
                            msg::RestartBridge, msg::Down, msg::Drain, msg::AskStatus, msg::Stop>;
};
struct ToRoot {
  using Mail = std::variant<msg::Status, msg::ServiceDrained, msg::GaveUp, msg::RestartServices,
                            msg::AskRound, msg::Down, msg::Drain, msg::Stop>;
};

using Mail =
    std::variant<ToPartition::Mail, ToSource::Mail, ToBridge::Mail, ToSupervisor::Mail, ToRoot::Mail>;
struct Letter {
  ActorId from;
  Mail mail;
};

// The message if the mail is of this type, for whichever receiver; else null. `AnyMail` is Mail, const or
// not.
template <class Message, class AnyMail>
auto message_if(AnyMail& mail) {
  using Found = std::conditional_t<std::is_const_v<AnyMail>, const Message*, Message*>;
  const auto find = [](auto& message) -> Found {
    if constexpr (std::is_same_v<std::decay_t<decltype(message)>, Message>) return &message;
    return nullptr;
  };
  return std::visit([&](auto& to) { return std::visit(find, to); }, mail);
}

std::string name_of(TaskId task);
// A one-line description, for a trace.
std::string describe(const Mail& mail);

}  // namespace eventy::actors
