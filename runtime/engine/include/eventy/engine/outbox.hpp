// Encodes the outputs of turns and sources straight into the buffers of a slice, and derives uuid and target
// partition. Owned by one partition or source; one thread.
#pragma once

#include <span>

#include "eventy/engine/formats.hpp"

namespace eventy {

// What all outputs of one turn share.
struct Origin {
  const UuidDeriver* deriver = nullptr;
  std::string_view input_id = {};  // uuid of the handled record, or the encoded position of a source
  std::string_view correlation_id = {};
  OutgoingContext context = {};
  std::optional<std::string_view> key = {};  // of the turn; kept in the context of requests
  Instant date = {};
};

class Outbox {
 public:
  explicit Outbox(std::shared_ptr<const Routes> routes);

  // Throws std::logic_error for a record that this service must not write. end() throws std::length_error for
  // one that is too large. `origin` and `ordinal` must live until end(); `ordinal` is counted up.
  Writer& begin(const detail::OutputSpec& spec, const Origin& origin, std::uint64_t& ordinal,
                OutputBuffer& into);
  void end();
  // Drops the record that was begun and did not end, if there is one.
  void abandon();

  struct DeadLetter {
    std::string_view reason = {}, error_class = {}, handler = {}, place = {};
    int attempts = 0;
    std::string_view topic = {};  // empty: not from a topic
    PartitionId partition = {};
    Offset offset = {};
    Instant time = {};
    std::optional<std::string_view> key = {};
    std::string_view bytes = {};
    bool tombstone = false;                // the record has no value, so its dead letter has none
    std::span<const Header> headers = {};  // of the record itself
  };
  // Leaves out what does not fit into the topic, and says so in a header: first the original headers and
  // value, then the key.
  void dead_letter(const DeadLetter& letter, PartitionId target, OutputBuffer& into);
  // Writes a record's own bytes to another topic.
  void forward(TopicIndex topic, PartitionId target, std::string_view key, std::string_view bytes,
               OutputBuffer& into);

  using Savepoint = OutputBuffer::Savepoint;
  static Savepoint savepoint(const OutputBuffer& b) {
    return {b.bytes.size(), b.entries.size(), b.headers.size()};
  }
  static void roll_back(OutputBuffer& b, const Savepoint& m) {
    b.bytes.resize(m.bytes), b.entries.resize(m.entries), b.headers.resize(m.headers);
  }
  // Moves what `from` holds after `start` to the end of `to`.
  static void move_tail(OutputBuffer& from, const Savepoint& start, OutputBuffer& to);

 private:
  TopicIndex topic_for(const detail::OutputSpec& spec) const;
  std::optional<std::string_view> key_of_response(const ReplyTo& to) const;
  void dead_letter(const DeadLetter& letter, std::string_view left_out, PartitionId target,
                   OutputBuffer& into);
  bool needs_key(TopicIndex topic) const;
  void check_topic_takes(const OutputBuffer::Entry& entry, std::size_t size) const;  // throws length_error
  void open_entry(TopicIndex topic, PartitionId partition, std::optional<std::string_view> key,
                  OutputBuffer& into);

  std::shared_ptr<const Routes> routes_;
  PerTopic<Encoder> encoders_;
  Encoder* encoder_ = nullptr;  // of the record being written
  OutputBuffer* open_ = nullptr;
  Savepoint begun_ = {};  // before the record being written
  bool unfinished_ = false;
  std::string extra_name_, key_, chain_;
  char uuid_[36];
  std::uint64_t next_version_ = std::uint64_t{1} << 62;  // of contexts from a ReplyTo
};

// The name of the entry of a requester's context that keeps the key of a request.
std::string request_entry_name(std::string_view request_uuid);

}  // namespace eventy
