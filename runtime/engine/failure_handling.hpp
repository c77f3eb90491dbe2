// Decides what happens to an input whose turns fail: a retry, a pause of the partition, a parked key, a dead
// letter, or the end of the process. Keeps what waits in a FailureBook. Owned by one PartitionEngine; one
// thread.
//
// Invariants:
// - The partition waits for at most one input. While waits_until() is set, no kind of work handles another
// one. Only
//   released records run.
// - The dead letter or parked row of a handler that gave up is in the same slice as the other turns of its
//   input.
// - An input of a parked key is parked after those that the key has, so that they stay in order.
#pragma once

#include "attempt.hpp"
#include "eventy/engine/outbox.hpp"
#include "failure_book.hpp"
#include "slice_draft.hpp"

namespace eventy {

class FailureHandling {
 public:
  FailureHandling(PartitionEnvironment& environment, const std::shared_ptr<const StateReader>& state,
                  Outbox& outbox, SliceDraft& slice);

  FailureBook& book() { return book_; }
  // When the input that waits is due; nullopt: none waits.
  std::optional<MonotonicTime> waits_until() const { return wake_; }
  void read_clock();  // an input that is due waits no more
  void rewind();

  // --- around an attempt ---
  // Adds what is known of earlier attempts. False: the retry is not due, or the probe of the pause said no.
  bool recall(Attempt& attempt) {
    const WaitingInput* known = book_.waiting(attempt.id);
    return !known || recall(attempt, *known);
  }
  // A turn of this handler threw. True: the input keeps its place, for a retry or a pause. False: the handler
  // gives up. Throws Failure (stopped) if its policy says stop.
  bool keeps_trying(const ServiceRuntime::Candidate& handler, Attempt& attempt,
                    const std::exception_ptr& error);
  void remember(const Attempt& attempt);  // it waits: keeps what has failed so far
  void settle(Attempt& attempt) {         // its turns are staged
    if (book_.waiting(attempt.id)) go_on(attempt);
    if (!attempt.failed.empty()) settle_failed(attempt);
  }
  void go_on(const Attempt& attempt);  // it waits no more

  struct GivenUp {
    std::string_view handler = {}, error_class = {}, reason = {};
    int attempts = 1;
  };
  void dead_letter(const Attempt& attempt, const GivenUp& what, OutputBuffer& into);
  void dead_letter(const Attempt& attempt, const GivenUp& what) {
    dead_letter(attempt, what, slice_.outputs());
  }

  // --- pauses ---
  // The partition waits at this input and retries it when the probe says so.
  void pause(Attempt& attempt, const Probe& probe, const std::string& reason);
  // The same, without a line in the log.
  void hold(Attempt& attempt, const Probe& probe);
  void tell_of_pause(const Attempt& attempt, const Probe& probe, const std::string& reason);

  // --- parked keys ---
  bool is_parked(const Attempt& attempt) const { return attempt.key && book_.is_parked(*attempt.key); }
  // Parks the input after those of its key. False: there is no room for it, or it cannot be parked; so the
  // partition pauses at it and releases the key with each probe.
  bool park_behind(Attempt& attempt);
  void release(std::string_view key);
  // A released record has run. True: none of its handlers has to run again.
  bool settle_released(Attempt& attempt, ParkedRecord& row);

 private:
  void retry(const ServiceRuntime::Candidate& handler, const Attempt& attempt, const HandlerTries& tries,
             const Retry& policy);
  // No retry is left. True: the partition pauses; false: the handler gives up.
  bool apply_final_action(Attempt& attempt, HandlerTries& tries, const Probe& probe, FinalAction then);
  bool recall(Attempt& attempt, const WaitingInput& known);
  void settle_failed(Attempt& attempt);
  bool ask_probe(const Attempt& attempt);
  bool can_be_parked(const Attempt& attempt) const;
  bool has_room(const Attempt& attempt) const;
  void park(const Attempt& attempt, ParkedRecord row);
  void log(LogLevel level, const Attempt& attempt, const std::string& text) const;

  PartitionEnvironment& environment_;
  const Plan& plan_;
  Outbox& outbox_;
  SliceDraft& slice_;
  FailureBook book_;
  std::optional<MonotonicTime> wake_ = {};
  const Probe* probe_ = nullptr;  // of the pause, if it has one to ask
};

}  // namespace eventy
