// One attempt to handle one input: what it is, which handlers it concerns, and how their turns have failed. A
// value that a kind of work fills from its own source; the parts of the engine pass it on and keep nothing of
// it. Views into the source's bytes and into its decoder: they last until the source begins another attempt.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/engine/runtime.hpp"
#include "eventy/store/batch.hpp"
#include "input_id.hpp"

namespace eventy {

// What a handler reads beside the envelope.
class Content {
 public:
  virtual ~Content() = default;
  virtual bool context_is_empty() = 0;
  virtual void read_context(Context& out) = 0;
  virtual Reader& data() = 0;  // at the start; each call starts over
  // Of an input that is no record: the bytes from which an InputReader begins it again when it is parked.
  // nullopt: there are none, and the input is never parked.
  virtual std::optional<std::string_view> bytes() const { return std::nullopt; }
};

// The bytes of a record and where it lay, wherever they are kept now: in a batch, or in a row of parked ones.
struct RecordView {
  TopicIndex topic = {};
  PartitionId partition = {};
  Offset offset = {};
  std::optional<std::string_view> key = {};
  std::string_view value = {};  // value_padding bytes behind it are readable
  std::span<const Header> headers = {};
  bool tombstone = false;

  std::size_t size() const;  // of value, key and headers in bytes
};
inline RecordView view_of(const Batch& batch, std::size_t index) {
  const StoredRecord& r = batch.records[index];
  return {.topic = batch.topic,
          .partition = batch.partition,
          .offset = r.offset,
          .key = r.key,
          .value = r.value,
          .headers = std::span(batch.headers).subspan(r.first_header, r.headers),
          .tombstone = r.tombstone};
}

// The context of an input: it is read when it is asked for, for most turns never do.
class InputContext {
 public:
  void begin(Content& content) { content_ = &content, is_read_ = false; }
  void read_again() { is_read_ = false; }  // what turns have set is forgotten
  bool is_empty() const { return is_read_ ? value_.empty() : content_->context_is_empty(); }
  const Context& value();
  Context& edit();  // it is a new one from now on
  // A number for each new content, from `last` on, as OutgoingContext::version wants it.
  std::uint64_t version(std::uint64_t& last);

 private:
  Content* content_ = nullptr;
  Context value_ = {};
  bool is_read_ = false;
  std::uint64_t version_ = 0;  // 0: it has none yet
};

struct HandlerTries {  // of a handler that failed on this input
  std::uint32_t handler = 0;
  int attempts = 0;
  bool gave_up = false;
  FinalAction then = FinalAction::dead_letter;  // of one that gave up
  std::string reason = {}, error_class = {};
};

struct Attempt {
  // --- what is handled ---
  InputId id = {};
  Meta meta = {};                         // of an input that is no record: what it has of an envelope
  std::optional<RecordView> record = {};  // nullopt: the input is no record
  const std::string* topic = nullptr;     // the record's; outlives the attempt, for the watchdog
  Content* content = nullptr;
  InputContext context = {};
  std::optional<std::string_view> key = {};  // as handlers see it; nullopt: it has none

  // --- by whom, and what became of it ---
  std::vector<ServiceRuntime::Candidate> matched = {};
  std::vector<HandlerTries> failed = {};
  bool is_released = false;  // it was parked: one try at each release
  int earlier_attempts = 0;  // of its handlers together, before it was released
  bool is_paused = false;    // the partition pauses at it

  // Begins an attempt at an input that is no record, with nothing of the last one. The kind of work adds
  // meta, key and handlers.
  void begin(const InputId& input, Content& input_content);
  const Meta* meta_of_record() const { return record ? &meta : nullptr; }
  // The bytes that a parked row keeps of the input; nullopt: it cannot be parked.
  std::optional<std::size_t> parked_size() const;
  void set_key(std::string key);  // one that lies in no source
  HandlerTries& tries_of(std::uint32_t handler);
  bool gave_up(std::uint32_t handler) const { return !failed.empty() && is_given_up_by(handler); }
  std::string place() const;  // for people

 private:
  bool is_given_up_by(std::uint32_t handler) const;
  std::string key_storage_ = {};
};

}  // namespace eventy
