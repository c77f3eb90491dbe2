// What a partition keeps of failures: the input that waits for a retry, and the parked records. It is part of
// the partition's state: it survives restarts and moves, and is committed with what it belongs to. Owned by
// one PartitionEngine; one thread at a time. Throws Failure when the store fails or its rows are damaged.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "eventy/engine/runtime.hpp"
#include "failure_rows.hpp"
#include "input_id.hpp"

namespace eventy {

// The rows of a keyspace with all staged changes, as if they were committed.
class StagedRows {
 public:
  StagedRows(std::shared_ptr<const StateReader> committed, KeyspaceIndex keyspace)
      : committed_(std::move(committed)), keyspace_(keyspace) {}

  std::optional<std::string> get(const std::string& key) const;
  std::string place() const { return committed_->place(); }
  void put(std::string key, std::optional<std::string> value);  // nullopt: delete
  bool has_changes() const { return !changed_.empty(); }        // in the slice in the making
  void end_slice(std::uint64_t slice, std::vector<StateChange>& into);
  void committed(std::uint64_t up_to);
  void rewind();

 private:
  struct Row {
    std::optional<std::string> value;
    std::uint64_t slice = 0;  // the last one that wrote it; 0: the one in the making
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
  // Reads committed rows, if it has not. Call it before anything else and after each rewind(). False: another
  // owner has fenced this one and reads them.
  bool load();

  // --- the input that waits: at most one, because the partition handles no other until it is due ---
  const WaitingInput* waiting(const InputId& id) const {
    return waiting_ || !settled_.empty() ? find_waiting(id) : nullptr;  // nearly always null
  }
  // When an input that waiting() returned is due.
  MonotonicTime due(const WaitingInput& known) const;
  // The input waits until `due` by the monotonic clock. A durable wait is a row with the date of that moment.
  void wait(WaitingInput input, MonotonicTime due, bool durably);
  void done(const InputId& id);  // it waits no more

  // --- parked keys ---
  bool is_parked(std::string_view key) const { return totals_.records > 0 && has_head(key); }
  std::uint64_t parked(std::string_view key) const;  // records
  bool has_room(std::string_view key, std::size_t record_bytes) const;
  // Whether the store takes the rows of such a key and record.
  bool can_be_parked(std::string_view key, std::size_t record_bytes) const;
  void park(std::string_view key, const ParkedRecord& record,
            Instant date);  // after the records that the key has
  std::optional<ParkedRecord> first(std::string_view key) const;
  void drop_first(std::string_view key, const ParkedRecord& record);  // that first() returned
  // The record failed again: it stays first, with its new content, and the release of its key ends.
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
  // An input that is done and not committed. Its attempts still count if that is undone.
  struct Settled {
    WaitingInput input;
    std::uint64_t slice = 0;  // 0: the one in the making
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
