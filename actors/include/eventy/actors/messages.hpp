// What the actors of a node say to each other: for each actor the messages that it takes, and no others. They
// stay within one process: what is large travels as a shared pointer, and no type of a user's service is
// among them. Sent by post(); see post.hpp.
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

using ActorId = Strong<struct ActorTag, std::uint64_t>;  // unique in a process; 0 is nobody

// Why an actor has ended.
struct EndReason {
  std::string text = {};
  std::string error_class = {};  // the name of its code or of the type that was thrown
  std::optional<ErrorCode> code = {};
  bool in_order = false;  // it was told to, or had nothing left to do
};

// The actors by what they take.
struct ToPartition;
struct ToSource;
struct ToBridge;
struct ToSupervisor;
struct ToRoot;
template <class Receiver>
class Ref;

namespace msg {

// --- to a task (a partition or a source), from its bridge ---
struct Deliver {  // records to handle, in order; to a partition
  Epoch epoch;
  std::shared_ptr<const Batch> batch;
  Offset from = {};  // those before it are there already
};
struct CommittedUpTo {  // the slices up to this one are durable
  Epoch epoch;
  SliceNumber up_to;
};
struct RewindTo {  // nothing since the last commit happened; mail of another epoch is void
  Epoch epoch;
};
struct StopPolling {};  // takes no more input; to a source
struct Query {          // a question about one key, in the service's state format; to a partition
  std::string name, key, question;
  // Gets the answer in the same format. Called by the partition; not at all if that ends first.
  std::function<void(Result<std::string>)> answer;
};

// --- to itself ---
struct StepOn {};  // goes on with what is at hand; a bridge gets it from its store, too
struct Wake {};    // a timer: goes on with what was put off

// --- to a bridge, from its tasks ---
struct Finished {  // a slice is done
  std::shared_ptr<const Slice> slice;
};
struct DeferredDone {  // the at-most-once turns up to this slice have run, and wrote this
  TaskId task;
  Epoch epoch;
  SliceNumber up_to;
  std::shared_ptr<const OutputBuffer> outputs;
};
struct TaskWaits {  // the source found nothing, or the partition waits for a retry or a probe
  TaskId task;
  Epoch epoch;
};

// --- to a bridge, from its supervisor ---
struct TaskStarted;  // the answer to StartTask; below
struct TasksDown {   // one failed, and its supervisor stopped the others with it; the backoff has begun
  std::vector<TaskId> tasks;
};
struct StartAgain {  // its backoff is over
  TaskId task;
};
struct Drain {};   // finish and commit what is in hand, take no more; also to supervisors and the root
struct AskStatus;  // is there anything left to do? Also to a supervisor; below

// --- to a supervisor ---
struct StartTask {  // from the bridge: this task is to run from this state
  TaskId task;
  Epoch epoch;
  std::shared_ptr<const Routes> routes;
  std::shared_ptr<const StateReader> state;
};
struct StopTask {  // from the bridge: this task belongs to somebody else now
  TaskId task;
};
struct Drained {  // from the bridge: everything in hand is committed, but for that of `busy`, which do not
                  // end
  std::vector<TaskId> busy;
};
struct RestartTasks {  // a timer: their backoff is over, unless the bridge changed since
  std::vector<TaskId> tasks;
  std::uint64_t generation;
};
struct RestartBridge {  // a timer: the bridge's backoff is over
  std::uint64_t generation;
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
struct GaveUp {  // from a supervisor, which ends its children now and then itself
  std::size_t service;
  std::string why;
  std::optional<ErrorCode> code;  // of the error, if it has one
  bool is_final;                  // a new supervisor would end the same
};
struct RestartServices {  // a timer: their backoff is over
  std::vector<std::size_t> services;
};
struct AskRound {};  // a timer: ask all services for their status

// --- to several ---
struct End {};   // end now; to tasks and bridges, from their supervisor
struct Stop {};  // end all children, then yourself; to supervisors and the root
struct Down {    // a child of yours has ended; to supervisors and the root
  ActorId child;
  EndReason reason;
};

}  // namespace msg

// --- where mail goes ---

struct Letter;

// Takes the mail of one actor. Made by whatever runs the actor: a node, or a simulation.
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

// Refers to an actor by what it takes. Copies are cheap. An actor that has a reference to itself lives until
// it ends.
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
      std::variant<msg::Deliver, msg::CommittedUpTo, msg::RewindTo, msg::Query, msg::StepOn, msg::End>;
};
struct ToSource {
  using Mail =
      std::variant<msg::CommittedUpTo, msg::RewindTo, msg::StopPolling, msg::StepOn, msg::Wake, msg::End>;
};
struct ToBridge {
  using Mail =
      std::variant<msg::Finished, msg::DeferredDone, msg::TaskWaits, msg::TaskStarted, msg::TasksDown,
                   msg::StartAgain, msg::Drain, msg::AskStatus, msg::StepOn, msg::Wake, msg::End>;
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

// The message in a mail if it is of this kind, whoever gets it; else null. `AnyMail` is Mail, const or not.
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
// One line, for a trace.
std::string describe(const Mail& mail);

}  // namespace eventy::actors
