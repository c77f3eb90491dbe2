// Runs one turn of one handler. It is the port through which a turn stages outputs, context and state. The
// caller decides what happens when a turn throws, and undoes what it staged. Owned by one PartitionEngine;
// one thread.
//
// Invariants:
// - The outputs of a turn go to the end of one buffer. A caller that undoes them keeps a savepoint.
// - The n-th output of a handler on an input has the same uuid at every attempt.
#pragma once

#include "attempt.hpp"
#include "eventy/engine/outbox.hpp"
#include "key_states.hpp"
#include "partition_environment.hpp"

namespace eventy {

class TurnRun final : detail::Effects {
 public:
  TurnRun(PartitionEnvironment& environment, KeyStates& states, Outbox& outbox);

  enum class State : std::uint8_t { none, of_key };
  // Returns roughly the size of the state that the turn changed. Throws what the handler throws; DecodeError
  // for another major version or data that the handler does not take; std::length_error for a key or state
  // that the store does not take; Failure when the store fails.
  std::size_t run(const ServiceRuntime::Candidate& handler, Attempt& attempt, State state,
                  OutputBuffer& into);
  // Called in a catch block around run(). Throws the error again if it is not the input's fault: the store
  // failed, or memory is short and no policy names std::bad_alloc. `retried`: the handler, if it may run
  // again.
  void rethrow_crash(const Plan::Handler* retried) const;

 private:
  void refuse_other_version(const ServiceRuntime::Candidate& handler) const;

  // Effects
  Writer& begin(const detail::OutputSpec& output) override;
  void end() override;
  void abandon() override;
  void* edit() override;
  void delete_state() override;
  const void* state() const override;
  const Context& context() override;
  void set_context(std::string name, ContextValue value) override;
  void log(LogLevel level, std::string_view text) override;

  PartitionEnvironment& environment_;
  KeyStates& states_;
  Outbox& outbox_;
  Attempt* attempt_ = nullptr;  // of the turn, like the members that follow
  OutputBuffer* into_ = nullptr;
  Origin origin_ = {};
  std::uint64_t ordinal_ = 0;
  bool in_handler_ = false;                 // user code runs
  std::uint64_t last_context_version_ = 0;  // of all turns
};

}  // namespace eventy
