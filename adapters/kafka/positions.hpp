// What stands in the metadata of a committed position: who committed it, in which cycle, and how far the
// changelog of the partition reached before. Reading it back tells what became of a commit without an answer,
// whose transaction may still be open, and whether the changelog is the one that the states were written to.
#pragma once

#include <string>
#include <string_view>

#include "client.hpp"
#include "eventy/core/types.hpp"

namespace eventy::kafka::detail {

struct PositionNote {
  std::string by = {};      // the transactional id
  std::string cycle = {};   // unique; empty: a takeover, not a cycle
  std::string log = {};     // incarnation of the changelog; empty: not known
  Offset log_reached = {};  // the changelog holds at least as much
};

std::string to_text(const PositionNote& note);
// Of anything: what is not a note of ours reads as an empty one.
PositionNote read_note(std::string_view text);

// A position that is to be committed, with its note.
void add_position(rd_kafka_topic_partition_list_t& list, const TopicPartition& place, Offset next,
                  const PositionNote& note);

}  // namespace eventy::kafka::detail
