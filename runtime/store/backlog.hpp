// The changes of one copy that wait to be written to a slower one; see write_behind.hpp. Any thread may call
// it, unless a comment names a lock.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "eventy/store/write_behind.hpp"

namespace eventy::detail {

using SteadyTime = std::chrono::steady_clock::time_point;

// Waiting changes that own their bytes: sorted by key, the last change of each key.
class WriteGroup {
 public:
  WriteGroup(std::span<const LocalState::Change> changes, LogPosition place);
  WriteGroup(const WriteGroup&) = delete;
  WriteGroup& operator=(const WriteGroup&) = delete;

  const LocalState::Change* find(std::string_view key) const;
  const std::vector<LocalState::Change>& changes() const { return changes_; }
  const LogPosition& place() const { return place_; }
  std::size_t size() const { return bytes_.capacity() + changes_.capacity() * sizeof(LocalState::Change); }

 private:
  std::string_view keep(std::string_view text);

  std::string bytes_ = {};
  std::vector<LocalState::Change> changes_ = {};
  LogPosition place_;
};

// Changes that are still collected: the last one of each key, and the last place.
class Recent {
 public:
  void put(std::span<const LocalState::Change> changes, const LogPosition& place);
  const std::optional<std::string>* find(std::string_view key) const;
  std::unique_ptr<const WriteGroup> batch() const;
  bool any() const { return any_; }
  std::size_t bytes() const { return bytes_; }
  const LogPosition& place() const { return place_; }
  SteadyTime since() const { return since_; }  // when the first change was put

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  std::unordered_map<std::string, std::optional<std::string>, Hash, std::equal_to<>> values_ = {};
  std::size_t bytes_ = 0;
  bool any_ = false;  // also true for a place without changes
  LogPosition place_ = {};
  SteadyTime since_ = {};
};

// The backlog of one copy, shared by its owner and the thread that writes.
class Backlog {
 public:
  Backlog(std::unique_ptr<LocalState> behind, const WriteBehind& options,
          std::atomic<std::size_t>& waiting_bytes)
      : behind_(std::move(behind)), options_(options), waiting_bytes_(waiting_bytes) {}
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;
  ~Backlog() { drop(); }

  Result<std::optional<std::string>> get(std::string_view key) const;
  // True if something waits now and nothing did before.
  Result<bool> apply(std::span<const LocalState::Change> changes, const LogPosition& place);
  Result<void> load(std::span<const LocalState::Change> changes, const LogPosition& place);
  Result<LogPosition> place() const;
  Result<void> clear();

  bool waits() const { return waits_; }
  // When waiting changes must be written, if loads end at `loads_end`.
  std::optional<SteadyTime> due(SteadyTime loads_end) const;
  Result<void> write_next();  // writes the oldest waiting batch, if there is one
  void write_all();
  void end();  // writes what waits; from then on changes go directly to the slower copy
  // Another copy of the partition was opened: from now on this one reads from it.
  void replace_by(std::shared_ptr<const Backlog> later);

 private:
  bool nothing_waits_on() const { return options_.delay == Duration{} || ended_; }
  // The caller holds writing_.
  Result<void> write_one();
  Result<void> keep_to_limit();
  // The caller holds waiting_.
  void push(std::unique_ptr<const WriteGroup> batch);
  void pop();
  void end_recent();
  void forget_recent();
  void drop();

  const std::unique_ptr<LocalState> behind_;
  const WriteBehind options_;
  std::atomic<std::size_t>& waiting_bytes_;  // over all copies
  mutable std::mutex writing_ = {};          // held to change the slower copy; locked before waiting_
  std::atomic<bool> failed_ = false;         // the last attempt to write failed
  mutable std::shared_mutex waiting_ = {};   // guards the members below
  std::deque<std::unique_ptr<const WriteGroup>> batches_ = {};  // oldest first
  Recent recent_ = {};                                          // newer than all batches
  std::atomic<bool> waits_ = false;                             // batches_ or recent_ is not empty
  std::atomic<bool> ended_ = false;
  std::shared_ptr<const Backlog> later_ = {};  // a later copy of the same partition
};

}  // namespace eventy::detail
