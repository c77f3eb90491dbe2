// What a partition decides: runs the handlers over batches of records, owns the state of its keys, and hands
// out slices. No threads, no store session. Owned by one partition actor (or Bench); one thread at a time.
#pragma once

#include <deque>
#include <exception>
#include <unordered_map>

#include "eventy/engine/outbox.hpp"
#include "eventy/engine/slice.hpp"
#include "eventy/engine/turn_watch.hpp"

namespace eventy {

class FailureBook;
class MisplacedRecords;
struct ParkedRecord;

struct PartitionStats {
  std::uint64_t records = 0, turns = 0, failed_turns = 0, retries = 0, dead_letters = 0, dropped = 0;
  std::uint64_t parked = 0, released = 0;  // records
  std::uint64_t pauses = 0;
};

class PartitionEngine final : detail::Effects {
 public:
  PartitionEngine(std::shared_ptr<const Routes> routes, PartitionId partition, Epoch epoch,
                  std::shared_ptr<const StateReader> state, const Clock& clock,
                  std::shared_ptr<TurnWatch> watch = std::make_shared<TurnWatch>());
  ~PartitionEngine() override;
  PartitionEngine(const PartitionEngine&) = delete;
  PartitionEngine& operator=(const PartitionEngine&) = delete;

  // Queues its records from that offset on.
  void accept(std::shared_ptr<const Batch> batch, Offset from = {});

  struct Step {
    std::optional<Slice> slice = {};
    std::optional<MonotonicTime> wake = {};  // a retry waits until then: call step() again
    bool more = false;                       // work is left: call step() again
    bool waits = false;                      // for a retry or a probe, with records in hand
  };
  // Works through what is queued, up to one slice. A throw is a crash: the engine is of no further use.
  Step step();

  // The cycle that held all slices up to this one is durable: their at-most-once turns run now.
  // Returns what these write, to be written at once.
  OutputBuffer committed(SliceNumber up_to);
  // Nothing since the last commit happened: state is as of then, the queue is empty, slices count from 1
  // again.
  void rewind(Epoch epoch);

  // The records that are parked for the key are handled now, in order, at the next steps; nothing if it is
  // not parked.
  void release(std::string_view key);
  std::uint64_t parked(std::string_view key);  // records of the key that are parked

  // Answers a query from committed state. Throws DecodeError for a bad question, Failure for an unknown one.
  void answer(std::string_view query, std::string_view key, Reader& question, Writer& out);

  Epoch epoch() const { return epoch_; }
  const PartitionStats& stats() const { return stats_; }

 private:
  struct Entry {                       // one key's state
    const std::string* key = nullptr;  // in the cache
    void* value = nullptr;             // null: the key has none
    std::uint64_t dirty = 0;           // the last slice that wrote it; 0: none
    std::uint64_t used = 0;            // slice in which it was used last
    bool touched = false;              // in the slice that is being made
  };
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  using Cache = std::unordered_map<std::string, Entry, KeyHash, std::equal_to<>>;
  struct Failed {  // of the record being handled, by handler
    std::uint32_t handler;
    int attempts = 0;
    bool gave_up = false;
    FinalAction then = FinalAction::dead_letter;  // of one that gave up
    std::string reason = {}, error_class = {};
  };
  struct GivenUp {
    std::string_view handler = {}, error_class = {}, reason = {};
    int attempts = 1;
  };
  struct Deferred {
    std::uint64_t slice;
    std::shared_ptr<const Batch> batch;
    std::size_t record;
    std::uint32_t handler;
  };
  struct Queued {
    std::shared_ptr<const Batch> batch;
    std::size_t first;  // of its records that is to be handled
  };
  enum class Progress : std::uint8_t { done, waits };
  enum class Way : std::uint8_t {  // where a record's key leads
    here,
    settled,   // elsewhere, and it has gone there
    misplaced  // elsewhere, and it should not be here
  };

  void begin_slice();
  void work_on_released();
  void work_on_queue();
  bool is_slice_full() const;
  void check_outputs_size(std::size_t bytes) const;  // of a record; throws length_error
  Slice end_slice();

  // the record being handled
  Progress handle(const std::shared_ptr<const Batch>& batch, std::size_t index);
  bool decode(const Batch& batch, const StoredRecord& record);  // false: dealt with
  void match(TopicIndex topic);
  bool take_requester_key();
  bool read_key();
  Way find_key(const Batch& batch, const StoredRecord& record);
  Progress take_misplaced(const Batch& batch, std::size_t index);
  std::optional<std::string> reason_to_pause(const Batch& batch, std::size_t index, bool pauses);
  void give_up_misplaced(const Batch& batch, const StoredRecord& record);
  bool run_all(const Batch& batch, const StoredRecord& record);
  void refuse_other_version(const ServiceRuntime::Candidate& candidate) const;  // throws DecodeError
  void run_turn(const ServiceRuntime::Candidate& candidate, OutputBuffer& out);
  void throw_if_crash(const Plan::Handler* tried) const;
  bool ask_probe();
  void defer(const std::shared_ptr<const Batch>& batch, std::size_t index);
  void undo_record();
  void load_context();

  // what becomes of failures
  bool keeps_trying(const ServiceRuntime::Candidate& candidate, const Batch& batch,
                    const StoredRecord& record, const std::exception_ptr& error);
  bool is_last(Failed& f, const Probe& probe, FinalAction then, const Batch& batch,
               const StoredRecord& record);
  void pause(const Probe& probe, const std::string& reason);
  void hold(const Probe& probe);
  void tell_of_pause(const Probe& probe, const std::string& reason);
  bool recall();
  Progress remember();
  void settle(const Batch& batch, const StoredRecord& record);
  void go_on();
  void give_up(const Batch& batch, const StoredRecord& record, const GivenUp& what, OutputBuffer& into);
  std::string place() const;
  Failed& failed(std::uint32_t handler);
  bool gave_up(std::uint32_t handler) const;

  // parked keys
  void look_at_clock();
  bool has_room(const Batch& batch, const StoredRecord& record) const;  // to park it
  void park(const Batch& batch, const StoredRecord& record, ParkedRecord row);
  Progress park_behind(const Batch& batch, const StoredRecord& record);
  bool take_release();
  void release_first(const std::string& key);
  bool runs_again(const Batch& batch, const ParkedRecord& row);
  void has_no_handler(const Batch& batch, const ParkedRecord& row);
  bool settle_parked(const Batch& batch, ParkedRecord& row);

  // state
  Entry& entry_for(std::string_view key);
  void* load(std::string_view key) const;
  void check_state_size();
  void freeze_state();
  void evict();
  void drop_cache(bool only_dirty);

  // Effects
  Writer& begin(const detail::OutputSpec& output) override;
  void end() override;
  void abandon() override;
  void* edit() override;
  void forget() override;
  const void* state() const override;
  const Context& context() override;
  void set_context(std::string name, ContextValue value) override;
  void log(LogLevel level, std::string_view text) override;

  std::shared_ptr<const Routes> routes_;
  const ServiceRuntime& runtime_;
  const Plan& plan_;
  PartitionId partition_;
  Epoch epoch_;
  std::shared_ptr<const StateReader> reader_;
  const Clock& clock_;
  std::shared_ptr<TurnWatch> watch_;
  PerTopic<Decoder> decoders_;
  Decoder* decoder_ = nullptr;  // of the record being handled
  std::unique_ptr<ValueEncoder> state_encoder_;
  std::string measured_;  // reused
  std::unique_ptr<ValueDecoder> state_decoder_;
  Outbox outbox_;
  std::unique_ptr<FailureBook> failures_;
  std::unique_ptr<MisplacedRecords> misplaced_;
  std::optional<std::pair<TopicIndex, Offset>> told_misplaced_;  // the pause that was last told of

  std::deque<Queued> queue_;
  std::size_t next_record_ = 0;        // in queue_.front()
  std::size_t slice_state_bytes_ = 0;  // of states and parked rows in the slice, about
  Slice slice_;
  std::uint64_t slice_number_ = 1, committed_ = 0;
  std::size_t output_bytes_ = 0, output_entries_ = 0;  // of the last slice
  std::size_t records_per_poll_ = 1;                   // at the clock, by the last slice's length
  std::deque<Deferred> deferred_;
  std::optional<MonotonicTime> waits_until_;
  std::uint64_t released_ = 0;    // parked records in this slice
  bool from_parked_ = false;      // the record being handled was parked: one try
  int parked_attempts_ = 0;       // that it has had before
  bool paused_ = false;           // at the record being handled
  const Probe* probe_ = nullptr;  // of the pause, if it has one to ask

  Meta meta_;
  std::optional<std::string> key_storage_;
  std::optional<std::string_view> key_;
  std::vector<ServiceRuntime::Candidate> matched_;
  std::vector<Failed> failed_;
  Origin origin_;
  std::uint64_t ordinal_ = 0;
  OutputBuffer* out_ = nullptr;
  MonotonicTime now_ = {};
  Instant date_ = {};  // at the same moment
  Context context_;
  bool context_loaded_ = false;
  std::uint64_t context_version_ = 0;
  bool state_allowed_ = false;
  bool in_handler_ = false;             // what is thrown now is its own
  const std::string* topic_ = nullptr;  // of the record being handled

  Cache cache_;
  Entry* entry_ = nullptr;
  std::vector<Entry*> touched_;
  bool undo_taken_ = false, undo_existed_ = false, undo_was_touched_ = false, edited_in_turn_ = false;
  void* undo_ = nullptr;  // reused
  PartitionStats stats_;
};

}  // namespace eventy
