// The commit cycles of a bridge: takes slices into the open cycle, commits it, and goes back to the last
// commit when a cycle is undone. Owned by one BridgeEngine; one thread.
//
// Invariants:
// - One commit is in flight at most. What is to be undone waits for its outcome; slices and records that come
//   until then are dropped.
// - Session and tasks go back together. A task keeps on only if nothing that it has in hand is undone.
// - A cycle that the store undoes is done again, after a growing rest where the one before it was undone too.
// - Outputs of at-most-once turns are written in their order, and are not lost while the store refuses them.
#pragma once

#include <deque>

#include "bridge_tasks.hpp"

namespace eventy {

class BridgeCycles {
 public:
  BridgeCycles(BridgeEnvironment& environment, BridgeTasks& tasks)
      : environment_(environment), tasks_(tasks), cycle_backoff_(environment.options.cycle_backoff) {}

  // --- around a poll of the session ---
  void begin_round();
  void end_round();

  // --- what tasks say ---
  void accept(const std::shared_ptr<const Slice>& slice);
  // What at-most-once turns put out.
  void write_deferred(const OutputBuffer& outputs);

  // --- what the store says of a commit ---
  void committed(const Committed& e);
  void aborted(const Aborted& e);

  void commit_if_due();
  void undo_all();  // now, or as soon as the commit in flight is settled

  bool takes_records() const { return !abort_wanted_ && !is_full_ && !went_back_; }
  bool is_undoing() const { return abort_wanted_; }  // when an outcome or the end of a rest has come
  // Nothing waits for a commit or for its outcome.
  bool is_settled() const {
    return !environment_.book.open() && !environment_.book.in_flight() && !abort_wanted_;
  }
  std::optional<MonotonicTime> rests_until() const { return rests_until_; }

 private:
  bool takes(const Slice& slice, const BridgeTasks::Task* task) const;
  void works_again();
  void do_again(const Error& reason, const std::string& what, Duration least_rest = {});
  void rest(Duration wait);
  void go_on_if_rested();
  // At once. False: the store does not take this machine's date just now. A rest begins, of at least so long.
  bool write(const OutputBuffer& outputs, Duration least_rest = {});
  // The open cycle has no room for a slice: it is committed, and what came since is done again, that slice
  // too.
  void close_full_cycle();
  void go_back();

  BridgeEnvironment& environment_;
  BridgeTasks& tasks_;
  CycleBackoff cycle_backoff_;
  std::optional<MonotonicTime> rests_until_ = {};  // set: abort_wanted_ too, nothing is taken meanwhile
  bool clock_is_told_ = false;                     // that it is wrong
  std::deque<OutputBuffer> late_ = {};             // of at-most-once turns, which do not run again
  bool is_full_ = false;                           // see close_full_cycle()
  bool abort_wanted_ = false;
  bool went_back_ = false;  // in this round
};

}  // namespace eventy
