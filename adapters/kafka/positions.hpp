// What stands in the metadata of a committed position: who committed it, in which cycle, and how far the
// changelog of the partition reached before. Reading it back tells what became of a commit without an answer,
// whose transaction may still be open, whether the changelog is the one that the states were written to, and
// by which record the topic is known again. A position without such a note was not written by a node.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client.hpp"
#include "eventy/core/types.hpp"

namespace eventy::kafka::detail {

// What tells a record from another one at the same offset.
struct RecordFingerprint {
  Offset at = {-1};             // -1: of no record
  std::int64_t timestamp = -1;  // ms since 1970, as the topic keeps it
  std::uint32_t checksum = 0;   // of sizes, key and the first bytes of the value

  bool known() const { return at.value >= 0; }
  friend bool operator==(const RecordFingerprint&, const RecordFingerprint&) = default;
};

struct Position {
  Offset next = {};
  RecordFingerprint last = {};  // of a record before it, as near as one is known
};

struct PositionNote {
  std::string by = {};              // the transactional id
  std::string cycle = {};           // unique; empty: a takeover, not a cycle
  std::string log = {};             // incarnation of the changelog; empty: not known
  Offset log_reached = {};          // the changelog holds at least as much
  std::optional<Offset> next = {};  // the position that it was written with; earlier releases left it out
  RecordFingerprint last = {};      // as in Position; earlier releases left it out

  // It was written with this position, and by a node.
  bool belongs_to(Offset position) const { return !by.empty() && next.value_or(position) == position; }
};

std::string to_text(const PositionNote& note);
// Of anything: what is not a note of ours reads as an empty one.
PositionNote read_note(std::string_view text);

// A position that is to be committed, with a note that says so.
void add_position(rd_kafka_topic_partition_list_t& list, const TopicPartition& place,
                  const Position& position, PositionNote note);

}  // namespace eventy::kafka::detail
