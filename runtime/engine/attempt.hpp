// One attempt to handle one input: what the input is, which handlers take it, and how their turns have
// failed. A value that a kind of work fills from its own source. The parts of the engine pass it on and keep
// nothing of it. It views the source's bytes and its decoder; the views last until the source begins another
// attempt.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/engine/runtime.hpp"
#include "eventy/store/batch.hpp"
#include "input_id.hpp"

namespace eventy {

// What a handler reads besides the envelope.
class Content {
 public:
  virtual ~Content() = default;
  virtual bool context_is_empty() = 0;
  virtual void read_context(Context& out) = 0;
  virtual Reader& data() = 0;  // each call starts at the first byte
  // Of an input that is no record: the bytes from which an InputReader begins it again when it is parked.
  // nullopt: there are none, and the input is never parked.
  virtual std::optional<std::string_view> bytes() const { return std::nullopt; }
};

// The bytes and the place of a record. A batch or a parked row owns them.
struct RecordView {
  TopicIndex topic = {};
  PartitionId partition = {};
  Offset offset = {};
  std::optional<std::string_view> key = {};
  std::string_view value = {};  // value_padding bytes after it are readable
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

// The context of an input. It is read at the first use, because most turns do not use it.
class InputContext {
 public:
  void begin(Content& content) { content_ = &content, is_read_ = false; }
  void read_again() { is_read_ = false; }  // forgets what turns have set
  bool is_empty() const { return is_read_ ? value_.empty() : content_->context_is_empty(); }
  const Context& value();
  Context& edit();  // from now on it has a new version
  // The number of its content, as OutgoingContext::version needs it. A new content gets the next after
  // `last`.
  std::uint64_t version(std::uint64_t& last);

 private:
  Content* content_ = nullptr;
  Context value_ = {};
  bool is_read_ = false;
  std::uint64_t version_ = 0;  // 0: not numbered yet
};

struct HandlerTries {  // the attempts of a handler that failed on this input
  std::uint32_t handler = 0;
  int attempts = 0;
  bool gave_up = false;
  FinalAction then = FinalAction::dead_letter;  // if it gave up
  std::string reason = {}, error_class = {};
};

struct Attempt {
  // --- what is handled ---
  InputId id = {};
  Meta meta = {};                         // an input that is no record sets only some of it
  std::optional<RecordView> record = {};  // nullopt: the input is no record
  const std::string* topic = nullptr;     // of the record; outlives the attempt, for the watchdog
  Content* content = nullptr;
  InputContext context = {};
  std::optional<std::string_view> key = {};  // as handlers see it; nullopt: none

  // --- its handlers, and how they did ---
  std::vector<ServiceRuntime::Candidate> matched = {};
  std::vector<HandlerTries> failed = {};
  bool is_released = false;  // it was parked: one attempt at each release
  int earlier_attempts = 0;  // of all its handlers, before the release
  bool is_paused = false;    // the partition pauses at it

  // Begins an attempt at an input that is no record, with nothing of the last one. The kind of work adds
  // meta, key and handlers.
  void begin(const InputId& input, Content& input_content);
  const Meta* meta_of_record() const { return record ? &meta : nullptr; }
  // The bytes that a parked row keeps of the input; nullopt: it cannot be parked.
  std::optional<std::size_t> parked_size() const;
  void set_key(std::string key);  // the attempt owns it
  HandlerTries& tries_of(std::uint32_t handler);
  bool gave_up(std::uint32_t handler) const { return !failed.empty() && is_given_up_by(handler); }
  std::string place() const;  // for people

 private:
  bool is_given_up_by(std::uint32_t handler) const;
  std::string key_storage_ = {};
};

}  // namespace eventy
