// Runs one turn of one handler: gives it the port through which it stages outputs, context and state. What
// becomes of a turn that throws, and of its traces, its caller decides. Owned by one PartitionEngine; one
// thread.
//
// Invariants:
// - What a turn puts out goes to one buffer, behind what is in it; who wants it undone keeps a savepoint.
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
  // Returns the size of the state that it changed, about. Throws what the handler throws; DecodeError for
  // another major version or data that is not what the handler takes; std::length_error for a key or state
  // that the store does not take; Failure where the store cannot be trusted.
  std::size_t run(const ServiceRuntime::Candidate& handler, Attempt& attempt, State state,
                  OutputBuffer& into);
  // Called where something was caught that run() threw. Throws it again where it is not the input's fault:
  // the store or the state cannot be trusted, or memory is short and no policy names std::bad_alloc.
  // `retried`: the handler, where it may run again.
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
  Attempt* attempt_ = nullptr;  // of the turn, as all that follows
  OutputBuffer* into_ = nullptr;
  Origin origin_ = {};
  std::uint64_t ordinal_ = 0;
  bool in_handler_ = false;                 // what is thrown now is its own
  std::uint64_t last_context_version_ = 0;  // of all turns
};

}  // namespace eventy
