// The writing side of a session: gathers slices into the open cycle, commits it, and finds out what became of
// it. Belongs to the session's thread.
#pragma once

#include "committer.hpp"
#include "inputs.hpp"

namespace eventy::kafka::detail {

class CycleWriter {
 public:
  CycleWriter(const SessionIdentity& identity, Inputs& inputs, std::function<void()> wake)
      : identity_(identity), inputs_(inputs), committer_(identity, wake), wake_(std::move(wake)) {}

  Result<void> find_limits() { return committer_.find_limits(); }
  // Before the first positions are read, so that nothing of a predecessor is open any more. Any thread.
  Result<void> open() { return committer_.open(); }
  void close() { committer_.close(); }
  // Keeps the slice until its cycle has ended.
  Result<void> append(std::shared_ptr<const SliceEffects> slice);
  Result<void> commit(CycleId cycle);
  // Undoes the open cycle; one whose commit was begun comes to its end before.
  Result<void> abort();
  bool is_unknown(CycleId cycle) const;
  Result<Outcome> resolve();  // of the one that is_unknown
  // What became of the commit that was begun, once. An error ends the session.
  Result<std::optional<StoreEvent>> outcome();
  std::optional<std::size_t> max_changelog_batch() const { return committer_.changelog_limits().batch_bytes; }
  void refresh_if_due();
  Result<void> note_copies_if_due();
  // Of the producer, where no cycle can tell of it.
  std::optional<Error> failure() { return committer_.failure(); }

 private:
  Position next_position(const Place& place, const InputCursor& cursor) const;
  Result<void> check_positions(const SliceEffects& effects, const OwnedPartition& owned) const;
  void take(const std::shared_ptr<const SliceEffects>& slice, const OwnedPartition& owned);
  void change(States& states, const SliceEffects& effects) const;
  void send_early(const SliceEffects& effects, const OwnedPartition& owned);
  OpenCycle new_cycle() { return {.name = identity_.run + "-" + std::to_string(++cycles_begun_)}; }
  void note_places();
  void settle();
  void settle_committed();
  Result<void> undo();
  Result<void> catch_up(const PendingCommit& pending);

  const SessionIdentity& identity_;
  Inputs& inputs_;
  Committer committer_;
  std::function<void()> wake_;
  // Outputs are written as they come, and not only at the commit: what is written at once beside an open
  // transaction could not be read before its end.
  const bool writes_early_ = identity_.options.writes == Writes::in_cycles_only;
  const bool is_short_ = writes_early_ && identity_.has_short_cycles();
  std::uint64_t cycles_begun_ = 0;
  OpenCycle open_ = new_cycle();
  std::unique_ptr<PendingCommit> pending_ = {};
  std::optional<Result<StoreEvent>> outcome_ = {};
  std::unique_ptr<PendingCommit> refresh_ = {};
  std::chrono::steady_clock::time_point refreshed_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point copies_noted_ = refreshed_;
};

}  // namespace eventy::kafka::detail
