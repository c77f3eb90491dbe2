// What runs the actors of one node: their clock, their CAF system and their mailboxes. A node uses CAF's
// scheduler and mailboxes; a simulation replaces both and runs the same actors.
//
// An actor is a plain struct, its state: `Receiver` names the messages that it takes, `Setup` what it needs.
// begin() starts it, and one handle() per message does the work. An exception in either ends the actor.
#pragma once

#include <caf/all.hpp>

#include "eventy/actors/node_system.hpp"
#include "eventy/actors/post.hpp"
#include "failure.hpp"

// Letters stay within the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::Letter)

namespace eventy::actors {

// The role of an actor within its node.
struct Role {
  enum class Kind : std::uint8_t { root, supervisor, bridge, task };
  Kind kind = Kind::root;
  std::size_t service = 0;  // the service's number; unused for the root
  TaskId task = {};         // for a task
};

// Where an actor runs: on one of the scheduler's few threads, or on a thread of its own, because it may block
// or must answer while all of those are busy.
enum class RunsOn : std::uint8_t { scheduler, own_thread };

class Host {
 public:
  virtual ~Host() = default;
  // Whether actors may have threads of their own. A host with a single thread runs all actors in turn.
  virtual bool has_threads() const = 0;
  virtual const Clock& clock() const = 0;
  virtual caf::actor_system& system() = 0;
  virtual ActorId new_id() = 0;
  // Called by the actor itself and by the caller of spawn(). Both mailboxes deliver to the same actor.
  virtual std::shared_ptr<Mailbox> mailbox(ActorId id, const caf::actor& actor) = 0;
  // Called by spawn() before it returns.
  virtual void spawned(ActorId id, const Role& role, const caf::actor& actor) = 0;
};

// What an actor knows about itself.
template <class Receiver>
struct Self {
  caf::event_based_actor* actor = nullptr;
  Host* host = nullptr;
  Ref<Receiver> ref = {};
  ActorId sender = {};  // of the message that is being handled

  template <class To, class Message>
  void post(const Ref<To>& to, Message message, std::chrono::nanoseconds wait = {}) const {
    actors::post(ref.id(), to, std::move(message), wait);
  }
  MonotonicTime now() const { return host->clock().now(); }
  void end() const { actor->quit(caf::exit_reason::user_shutdown); }
};

template <class State>
caf::behavior run(caf::stateful_actor<State>* self, Host* host, ActorId id,
                  const typename State::Setup& setup) {
  using Receiver = typename State::Receiver;
  keep_text_of_exceptions(self);
  State& state = self->state;
  state.self_ = {self, host, Ref<Receiver>(host->mailbox(id, caf::actor_cast<caf::actor>(self)))};
  state.begin(setup);
  return {[&state](const Letter& letter) {
    state.self_.sender = letter.from;
    std::visit([&state](const auto& message) { state.handle(message); },
               std::get<typename Receiver::Mail>(letter.mail));
  }};
}

// Starts an actor. `watcher`, which may be empty, gets Down when the actor has ended. Throws if there is no
// memory or no thread for it.
template <class State, class Watcher>
Ref<typename State::Receiver> spawn(Host& host, const Role& role, RunsOn runs_on,
                                    const typename State::Setup& setup, const Ref<Watcher>& watcher) {
  const ActorId id = host.new_id();
  const caf::actor actor = runs_on == RunsOn::own_thread && host.has_threads()
                               ? host.system().spawn<caf::detached>(run<State>, &host, id, setup)
                               : host.system().spawn(run<State>, &host, id, setup);
  host.spawned(id, role, actor);
  actor->attach_functor([id, watcher](const caf::error& why) {
    post(id, watcher, msg::Down{id, reason_of(why)});
  });
  return Ref<typename State::Receiver>(host.mailbox(id, actor));
}

}  // namespace eventy::actors
