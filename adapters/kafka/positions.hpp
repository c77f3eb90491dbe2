// The note in the metadata of a committed position: who committed it, in which cycle, and how far the
// changelog of the partition reached before. It shows the outcome of a commit without an answer, whose
// transaction may still be open, whether the changelog is the one that the states were written to, and a
// record by which the topic is recognised. A position without such a note was not written by a node. Values;
// any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client.hpp"
#include "eventy/core/types.hpp"

namespace eventy::kafka::detail {

// Tells a record from another one at the same offset.
struct RecordFingerprint {
  Offset at = {-1};             // -1: no record
  std::int64_t timestamp = -1;  // ms since 1970, as the topic stores it
  std::uint32_t checksum = 0;   // of the sizes, and of the first bytes of key and value

  bool known() const { return at.value >= 0; }
  friend bool operator==(const RecordFingerprint&, const RecordFingerprint&) = default;
};

struct Position {
  Offset next = {};
  RecordFingerprint last = {};  // the newest known record before it
};

struct PositionNote {
  std::string by = {};              // the transactional id
  std::string cycle = {};           // unique; empty: a takeover committed it
  std::string log = {};             // incarnation of the changelog; empty: unknown
  Offset log_reached = {};          // the changelog reaches at least this offset
  std::optional<Offset> next = {};  // the position it was written with; earlier releases omit it
  RecordFingerprint last = {};      // as in Position; earlier releases omit it

  // A node wrote it, together with this position.
  bool belongs_to(Offset position) const { return !by.empty() && next.value_or(position) == position; }
};

std::string to_text(const PositionNote& note);
// Any text that is not such a note reads as an empty one.
PositionNote read_note(std::string_view text);

// Adds a position and its note to the list that is to be committed.
void add_position(rd_kafka_topic_partition_list_t& list, const TopicPartition& place,
                  const Position& position, PositionNote note);

}  // namespace eventy::kafka::detail
