// The writing side of a session: gathers slices into the open cycle, has it committed, and reports the
// outcome. Owned by the session; belongs to its thread, except open_producer(). The committing thread is
// Committer's.
#pragma once

#include "committer.hpp"
#include "inputs.hpp"

namespace eventy::kafka::detail {

class CycleWriter {
 public:
  CycleWriter(const SessionIdentity& identity, Inputs& inputs, std::function<void()> wake)
      : identity_(identity), inputs_(inputs), committer_(identity, wake), wake_(std::move(wake)) {}

  Result<void> find_limits() { return committer_.find_limits(); }
  // Before the first positions are read, so that no transaction of a predecessor is open. Any thread.
  Result<void> open_producer() { return committer_.open_producer(); }
  void close() { committer_.close(); }
  // As StoreSession::append(). Keeps the slice until its cycle has ended.
  Result<void> append(std::shared_ptr<const SliceEffects> slice);
  Result<void> commit(CycleId cycle);
  // Aborts the open cycle. A commit that has begun ends first.
  Result<void> abort();
  bool is_unknown(CycleId cycle) const;
  Result<Outcome> resolve();  // of the cycle that is_unknown()
  // The outcome of the commit that has begun, once. An error ends the session.
  Result<std::optional<StoreEvent>> outcome();
  std::optional<std::size_t> max_changelog_batch() const { return committer_.changelog_limits().batch_bytes; }
  void refresh_positions_if_due();
  Result<void> refresh_copy_dates_if_due();
  // An error of the producer that no cycle can report.
  std::optional<Error> failure() { return committer_.failure(); }

 private:
  Position next_position(const InputPartition& place, const InputCursor& cursor) const;
  Result<void> check_positions(const SliceEffects& slice, const OwnedPartition& owned) const;
  void add_to_cycle(const std::shared_ptr<const SliceEffects>& slice, const OwnedPartition& owned);
  void add_changes(States& states, const SliceEffects& slice) const;
  void send_early(const SliceEffects& slice, const OwnedPartition& owned);
  OpenCycle new_cycle() { return {.name = identity_.session_uuid + "-" + std::to_string(++cycles_begun_)}; }
  void take_logs_and_copies();
  void take_outcomes();
  void apply_committed();
  Result<void> abort_open_cycle();
  Result<void> catch_up(const PendingCommit& pending);

  const SessionIdentity& identity_;
  Inputs& inputs_;
  Committer committer_;
  std::function<void()> wake_;
  // Outputs are sent as slices come, and not only at the commit. Not where the session also writes at once:
  // readers could see those records only after the end of the open transaction.
  const bool sends_early_ = identity_.options.output_mode == OutputMode::transactional_only;
  const bool is_short_ = sends_early_ && identity_.has_short_cycles();
  std::uint64_t cycles_begun_ = 0;
  OpenCycle open_ = new_cycle();
  std::unique_ptr<PendingCommit> pending_ = {};
  std::optional<Result<StoreEvent>> outcome_ = {};
  std::unique_ptr<PendingCommit> refresh_ = {};  // a commit of unchanged positions
  std::chrono::steady_clock::time_point refreshed_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point copies_noted_ = refreshed_;
};

}  // namespace eventy::kafka::detail
