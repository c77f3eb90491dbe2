// What a partition keeps of failures: the input that waits for a retry, and the records that are parked.
// Lives in the state of the partition, so that it survives restarts and moves, and is committed with what it
// belongs to. Owned by one PartitionEngine; one thread at a time. Throws Failure where the store or its rows
// cannot be trusted.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "eventy/engine/runtime.hpp"
#include "failure_rows.hpp"
#include "input_id.hpp"

namespace eventy {

// Rows of a keyspace as they will be when all that is staged is committed.
class StagedRows {
 public:
  StagedRows(std::shared_ptr<const StateReader> committed, KeyspaceIndex keyspace)
      : committed_(std::move(committed)), keyspace_(keyspace) {}

  std::optional<std::string> get(const std::string& key) const;
  std::string place() const { return committed_->place(); }
  void put(std::string key, std::optional<std::string> value);  // nullopt: delete
  bool has_changes() const { return !changed_.empty(); }        // in the slice that is being made
  void end_slice(std::uint64_t slice, std::vector<StateChange>& into);
  void committed(std::uint64_t up_to);
  void rewind();

 private:
  struct Row {
    std::optional<std::string> value;
    std::uint64_t slice = 0;  // the last one that wrote it; 0: the one that is being made
  };
  std::shared_ptr<const StateReader> committed_;
  KeyspaceIndex keyspace_;
  std::map<std::string, Row> staged_ = {};
  std::vector<std::string> changed_ = {};
};

class FailureBook {
 public:
  FailureBook(const ServiceRuntime& runtime, PartitionId partition,
              const std::shared_ptr<const StateReader>& state, const Clock& clock,
              std::size_t max_state_bytes);
  // Reads what is committed, once; before anything else, and after each rewind(). False: the partition
  // belongs to somebody else now, who reads it.
  bool load();

  // --- the input that waits: one at most, for the partition handles no other until it is due ---
  const WaitingInput* waiting(const InputId& id) const {
    return waiting_ || !settled_.empty() ? find_waiting(id) : nullptr;  // nearly always null
  }
  // When that input, which waiting() gave, is due.
  MonotonicTime due(const WaitingInput& known) const;
  // Until `due` by the monotonic clock; what is written durably has the date of that moment, as of now.
  void wait(WaitingInput input, MonotonicTime due, bool durably);
  void done(const InputId& id);  // handled, in one way or another

  // --- parked keys ---
  bool is_parked(std::string_view key) const { return totals_.records > 0 && has_head(key); }
  std::uint64_t parked(std::string_view key) const;  // records
  bool has_room(std::string_view key, std::size_t record_bytes) const;
  // Whether the store takes the rows of such a key and record at all.
  bool can_be_parked(std::string_view key, std::size_t record_bytes) const;
  void park(std::string_view key, const ParkedRecord& record,
            Instant date);  // behind what is parked of the key
  std::optional<ParkedRecord> first(std::string_view key) const;
  void drop_first(std::string_view key, const ParkedRecord& record);  // that first() gave
  // It failed once more: it stays where it is, as it is now, and its key is no longer being released.
  void keep_first(std::string_view key, const ParkedRecord& record);
  bool release(std::string_view key);            // false: it is not parked
  std::optional<std::string> releasing() const;  // the next key to work on
  const ParkedTotals& totals() const { return totals_; }

  // --- with the slices of the partition ---
  bool has_changes() const { return rows_.has_changes(); }
  void end_slice(std::uint64_t slice, std::vector<StateChange>& into);
  void committed(std::uint64_t up_to);
  void rewind();

 private:
  // An input that is settled, but not committed: if that is undone, its attempts still count.
  struct Settled {
    WaitingInput input;
    std::uint64_t slice = 0;  // 0: the one that is being made
    bool undone = false;
  };
  const WaitingInput* find_waiting(const InputId& id) const;
  template <class Row>
  std::optional<Row> get(const std::string& key) const;
  template <class Row>
  std::string encode(const Row& row) const;
  template <class Row>
  void put(std::string key, const Row& row);
  bool has_head(std::string_view key) const;
  void forget_undone(const InputId& id);
  void put_totals();
  void stop_releasing(std::string_view key);

  const ServiceRuntime& runtime_;
  PartitionId partition_;
  const Clock& clock_;
  std::size_t max_state_bytes_;  // that the store takes
  std::unique_ptr<ValueEncoder> encoder_;
  std::unique_ptr<ValueDecoder> decoder_;
  StagedRows rows_;
  std::optional<WaitingInput> waiting_ = {};
  MonotonicTime due_ = {};  // of waiting_
  std::deque<Settled> settled_ = {};
  bool is_loaded_ = false, has_waiting_row_ = false;
  ParkedTotals totals_ = {};
};

}  // namespace eventy
