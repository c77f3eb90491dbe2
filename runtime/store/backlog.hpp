// What waits of one copy before it is written into a slower one; see write_behind.hpp. Any thread, where no
// lock is named.
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

// Changes that wait, with bytes of their own: in the order of their keys, the last one of each.
class WriteGroup {
 public:
  WriteGroup(std::span<const LocalState::Change> changes, LogPlace place);
  WriteGroup(const WriteGroup&) = delete;
  WriteGroup& operator=(const WriteGroup&) = delete;

  const LocalState::Change* find(std::string_view key) const;
  const std::vector<LocalState::Change>& changes() const { return changes_; }
  const LogPlace& place() const { return place_; }
  std::size_t size() const { return bytes_.capacity() + changes_.capacity() * sizeof(LocalState::Change); }

 private:
  std::string_view keep(std::string_view text);

  std::string bytes_ = {};
  std::vector<LocalState::Change> changes_ = {};
  LogPlace place_;
};

// Changes that are still added to: of each key the last one, and the last place.
class Recent {
 public:
  void put(std::span<const LocalState::Change> changes, const LogPlace& place);
  const std::optional<std::string>* find(std::string_view key) const;
  std::unique_ptr<const WriteGroup> batch() const;
  bool any() const { return any_; }
  std::size_t bytes() const { return bytes_; }
  const LogPlace& place() const { return place_; }
  SteadyTime since() const { return since_; }  // the first change

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  std::unordered_map<std::string, std::optional<std::string>, Hash, std::equal_to<>> values_ = {};
  std::size_t bytes_ = 0;
  bool any_ = false;  // a place without changes counts
  LogPlace place_ = {};
  SteadyTime since_ = {};
};

// One copy: shared by its owner and the thread that writes what waits.
class Backlog {
 public:
  Backlog(std::unique_ptr<LocalState> behind, const WriteBehind& options,
          std::atomic<std::size_t>& waiting_bytes)
      : behind_(std::move(behind)), options_(options), waiting_bytes_(waiting_bytes) {}
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;
  ~Backlog() { drop(); }

  Result<std::optional<std::string>> get(std::string_view key) const;
  // True: something waits now where nothing did.
  Result<bool> apply(std::span<const LocalState::Change> changes, const LogPlace& place);
  Result<void> load(std::span<const LocalState::Change> changes, const LogPlace& place);
  Result<LogPlace> place() const;
  Result<void> clear();

  bool waits() const { return waits_; }
  // When what waits is to be written, where loads end at `loads_end`.
  std::optional<SteadyTime> due(SteadyTime loads_end) const;
  Result<void> write_next();  // the oldest batch that waits, if one does
  void write_all();
  void end();  // writes what waits; from then on all goes straight to the copy behind
  // Another copy of the partition was opened: this one reads what that one has.
  void replace_by(std::shared_ptr<const Backlog> later);

 private:
  bool nothing_waits_on() const { return options_.delay == Duration{} || ended_; }
  // By the holder of writing_.
  Result<void> write_one();
  Result<void> keep_to_limit();
  // By the holder of waiting_.
  void push(std::unique_ptr<const WriteGroup> batch);
  void pop();
  void end_recent();
  void forget_recent();
  void drop();

  const std::unique_ptr<LocalState> behind_;
  const WriteBehind options_;
  std::atomic<std::size_t>& waiting_bytes_;  // over all copies
  mutable std::mutex writing_ = {};          // one at a time changes the copy behind; taken before waiting_
  std::atomic<bool> failed_ = false;         // the last attempt to write what waits
  mutable std::shared_mutex waiting_ = {};   // guards what follows
  std::deque<std::unique_ptr<const WriteGroup>> batches_ = {};  // oldest first
  Recent recent_ = {};                                          // behind them
  std::atomic<bool> waits_ = false;                             // there is either
  std::atomic<bool> ended_ = false;
  std::shared_ptr<const Backlog> later_ = {};  // of the same partition
};

}  // namespace eventy::detail
