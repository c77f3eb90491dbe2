// The restore of one partition: decides whether its copy can be continued, and gathers the changes that the
// log holds. Owned by the restore; belongs to its thread. A copy is emptied only if it is not the last trace
// of the states.
#pragma once

#include <string>
#include <vector>

#include "restore.hpp"

namespace eventy::kafka::detail {

// Changes on their way from the log into a copy.
class ChangeBatch {
 public:
  void add(std::string_view key, std::optional<std::string_view> value) {
    changes_.push_back({key.size(), value ? std::optional(value->size()) : std::nullopt});
    bytes_.append(key);
    if (value) bytes_.append(*value);
  }
  std::size_t bytes() const { return bytes_.size(); }
  std::vector<LocalState::Change> views() const;

 private:
  struct Change {
    std::size_t key_size;
    std::optional<std::size_t> value_size;
  };
  std::string bytes_ = {};  // keys and values, one after the other
  std::vector<Change> changes_ = {};
};

// What all tasks of a restore share.
struct RestoreContext {
  Client& client;
  std::string service;
  std::string topic;  // the changelog's name here
  Duration max_age;   // of a copy that is continued
};

class PartitionRestore {
 public:
  PartitionRestore(const RestoreContext& context, Restore& restore, Client::OffsetRange offsets)
      : restore(restore), offsets(offsets), context_(context) {}

  // Opens the copy, and finds where reading starts.
  Result<void> open();
  bool is_open() const { return stage_ != Stage::waiting; }
  bool is_reading() const { return stage_ == Stage::reading; }
  bool done() const { return stage_ == Stage::reading && next >= offsets.end; }

  enum class Then : std::uint8_t { read_on, seek };  // seek: to `next`
  Result<Then> take(const rd_kafka_message_t& record);
  // The reader is at this offset, after transaction markers that it has skipped.
  Result<Then> skip_to(Offset at);
  // The reader has reached the end of the partition for now.
  void reach(Offset end) {
    if (stage_ != Stage::verifying) next = std::max(next, end);
  }
  // The log is the one that the committed positions name.
  Result<void> check_end() const;
  std::string describe() const;  // for error messages

  Restore& restore;
  const Client::OffsetRange offsets;
  Offset start = {}, next = {};
  ChangeBatch changes = {};  // read, and not given to the copy yet
  Offset reported = {-1};    // `next` when progress was reported last
  bool assigned = false;     // to the reader

 private:
  enum class Stage : std::uint8_t {
    waiting,    // the copy is not open
    verifying,  // is the name of the copy's log at the offset where it was? Then the copy is continued
    naming,     // is that name anywhere in the log? Then the copy can be emptied
    reading
  };
  Result<void> check_copy();
  Result<Then> identify(const rd_kafka_message_t& record);
  void continue_copy();
  Result<void> discard_copy();
  Result<void> empty_copy();
  Error another_log() const;
  Error lost(const std::string& what) const;

  const RestoreContext& context_;
  Stage stage_ = Stage::waiting;
  LogNamePlace named_ = {};      // the log's name in the copy
  std::string other_name_ = {};  // an incarnation that was found in the log instead
};

}  // namespace eventy::kafka::detail
