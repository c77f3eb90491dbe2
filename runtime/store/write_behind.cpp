#include "eventy/store/write_behind.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace eventy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds calm{100};  // without a load, before what waits is written

// Changes that wait, with bytes of their own: in the order of their keys, the last one of each.
class Batch {
 public:
  Batch(std::span<const LocalState::Change> changes, LogPlace place) : place_(std::move(place)) {
    std::size_t size = 0;
    for (const auto& [key, value] : changes) size += key.size() + (value ? value->size() : 0);
    bytes_.reserve(size);  // so they stay where they are
    changes_.reserve(changes.size());
    for (const std::uint32_t i : in_key_order(changes)) {
      const auto& [key, value] = changes[i];
      if (!changes_.empty() && changes_.back().first == key) changes_.pop_back();
      const auto kept = keep(key);
      changes_.emplace_back(kept, value ? std::optional(keep(*value)) : std::nullopt);
    }
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  const LocalState::Change* find(std::string_view key) const {
    const auto it = std::lower_bound(changes_.begin(), changes_.end(), key,
                                     [](const auto& change, std::string_view k) { return change.first < k; });
    return it != changes_.end() && it->first == key ? &*it : nullptr;
  }
  const std::vector<LocalState::Change>& changes() const { return changes_; }
  const LogPlace& place() const { return place_; }
  std::size_t size() const { return bytes_.capacity() + changes_.capacity() * sizeof(LocalState::Change); }

 private:
  std::string_view keep(std::string_view text) {
    const std::size_t at = bytes_.size();
    bytes_.append(text);
    return std::string_view(bytes_).substr(at);
  }

  std::string bytes_ = {};
  std::vector<LocalState::Change> changes_ = {};
  LogPlace place_;
};

// One copy: shared by its owner and the thread that writes what waits.
class Backlog {
 public:
  Backlog(std::unique_ptr<LocalState> behind, std::atomic<std::size_t>& waiting_bytes)
      : behind_(std::move(behind)), waiting_bytes_(waiting_bytes) {}
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;
  ~Backlog() { drop(); }

  Result<std::optional<std::string>> get(std::string_view key) const {
    if (waits_) {
      const std::shared_lock lock(batches_mutex_);
      for (auto it = batches_.rbegin(); it != batches_.rend(); ++it)
        if (const auto* change = (*it)->find(key))
          return change->second ? std::optional(std::string(*change->second)) : std::nullopt;
    }
    return behind_->get(key);  // what was written meanwhile is there
  }

  Result<void> apply(std::span<const LocalState::Change> changes, const LogPlace& place, std::size_t limit) {
    const std::lock_guard lock(writing_);
    if (failed_)
      if (auto written = write_one(); !written) return written;
    if (auto kept = keep_to(limit); !kept) return kept;
    if (!waits_) return behind_->apply(changes, place);
    push(changes, place);
    return {};
  }
  Result<void> load(std::span<const LocalState::Change> changes, const LogPlace& place, std::size_t limit) {
    const std::lock_guard lock(writing_);
    if (auto kept = keep_to(limit); !kept) return kept;
    push(changes, place);
    return {};
  }
  Result<LogPlace> place() const {
    const std::lock_guard lock(writing_);
    return waits_ ? batches_.back()->place() : behind_->place();
  }
  Result<void> clear() {
    const std::lock_guard lock(writing_);
    drop();
    return behind_->clear();
  }

  bool waits() const { return waits_; }
  // The oldest batch that waits, if one does.
  Result<void> write_next() {
    const std::lock_guard lock(writing_);
    return write_one();
  }
  void write_all() {
    while (waits_)
      if (!write_next()) return;
  }

 private:
  // By the holder of writing_.
  Result<void> write_one() {
    if (!waits_) return {};
    const Batch& oldest = *batches_.front();
    auto written = behind_->apply(oldest.changes(), oldest.place());
    failed_ = !written;
    if (!written) return written;
    const std::lock_guard lock(batches_mutex_);
    pop();
    return {};
  }
  Result<void> keep_to(std::size_t limit) {
    while (waits_ && waiting_bytes_ > limit)
      if (auto written = write_one(); !written) return written;
    return {};
  }
  void push(std::span<const LocalState::Change> changes, const LogPlace& place) {
    auto batch = std::make_unique<const Batch>(changes, place);
    waiting_bytes_ += batch->size();
    const std::lock_guard lock(batches_mutex_);
    batches_.push_back(std::move(batch));
    waits_ = true;
  }
  void pop() {
    waiting_bytes_ -= batches_.front()->size();
    batches_.pop_front();
    waits_ = !batches_.empty();
  }
  void drop() {
    const std::lock_guard lock(batches_mutex_);
    while (waits_) pop();
    failed_ = false;
  }

  const std::unique_ptr<LocalState> behind_;
  std::atomic<std::size_t>& waiting_bytes_;  // over all copies
  mutable std::mutex writing_ = {};          // one at a time changes the copy behind, and batches_
  bool failed_ = false;                      // the last attempt to write what waits
  mutable std::shared_mutex batches_mutex_ = {};
  std::deque<std::unique_ptr<const Batch>> batches_ = {};  // oldest first
  std::atomic<bool> waits_ = false;                        // batches_ is not empty
};

// All copies of one write_behind(), and its thread.
class Backlogs {
 public:
  explicit Backlogs(std::size_t limit) : limit_(limit), thread_([this] { work(); }) {}
  Backlogs(const Backlogs&) = delete;
  Backlogs& operator=(const Backlogs&) = delete;
  ~Backlogs() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  std::size_t limit() const { return limit_; }
  std::atomic<std::size_t>& waiting_bytes() { return waiting_bytes_; }

  struct Entry {
    std::string service;
    PartitionId partition;
    std::shared_ptr<Backlog> backlog;
    bool ended = false;  // its owner is gone: to be written, and forgotten then
  };
  void add(Entry entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  // Does not wait: whoever gives a partition up has no time.
  void end(const Backlog& backlog) {
    const std::lock_guard lock(mutex_);
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& e) { return e.backlog.get() == &backlog; });
    entry->ended = true;
    if (!backlog.waits()) entries_.erase(entry);  // the owner has another reference
    changed_.notify_all();
  }
  // So that another copy of the partition begins with what this one holds.
  void write_all_of(const std::string& service, PartitionId partition) {
    std::vector<std::shared_ptr<Backlog>> found;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& e : entries_)
        if (e.service == service && e.partition == partition) found.push_back(e.backlog);
    }
    for (const auto& backlog : found) backlog->write_all();
    const std::lock_guard lock(mutex_);  // `found` has another reference
    std::erase_if(entries_, [](const Entry& e) { return e.ended && !e.backlog->waits(); });
  }
  void loaded() {
    const std::lock_guard lock(mutex_);
    last_load_ = Clock::now();
    changed_.notify_all();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      auto next = next_of_all();
      if (!next) {
        changed_.wait(lock);
      } else if (Clock::now() < last_load_ + calm) {
        changed_.wait_until(lock, last_load_ + calm);
      } else {
        lock.unlock();
        const auto written = next->write_next();
        lock.lock();
        if (!written) changed_.wait_for(lock, calm);
        const bool hopeless = !written && written.error().code != ErrorCode::no_space;
        std::erase_if(entries_, [&](const Entry& e) {
          return e.backlog == next && e.ended && (hopeless || !next->waits());
        });
        lock.unlock();
        next.reset();  // its last reference, maybe, and the copy behind takes time to close
        lock.lock();
      }
    }
    for (const auto& e : entries_) e.backlog->write_all();
  }
  // In turn, so that one which cannot be written keeps no other one up.
  std::shared_ptr<Backlog> next_of_all() {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (const auto& e = entries_[++turn_ % entries_.size()]; e.backlog->waits()) return e.backlog;
    return nullptr;
  }

  const std::size_t limit_;
  std::atomic<std::size_t> waiting_bytes_ = 0;
  std::mutex mutex_ = {};  // guards what follows
  std::condition_variable changed_ = {};
  std::vector<Entry> entries_ = {};
  std::size_t turn_ = 0;
  Clock::time_point last_load_ = {};
  bool ending_ = false;
  std::thread thread_;  // the last member: it uses the others
};

class Copy final : public LocalState {
 public:
  Copy(std::shared_ptr<Backlogs> all, std::shared_ptr<Backlog> backlog)
      : all_(std::move(all)), backlog_(std::move(backlog)) {}
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() override { all_->end(*backlog_); }

  Result<std::optional<std::string>> get(std::string_view key) const override { return backlog_->get(key); }
  Result<void> apply(std::span<const Change> changes, const LogPlace& place) override {
    return backlog_->apply(changes, place, all_->limit());
  }
  Result<void> load(std::span<const Change> changes, const LogPlace& place) override {
    auto loaded = backlog_->load(changes, place, all_->limit());
    all_->loaded();
    return loaded;
  }
  Result<LogPlace> place() const override { return backlog_->place(); }
  Result<void> clear() override { return backlog_->clear(); }

 private:
  std::shared_ptr<Backlogs> all_;
  std::shared_ptr<Backlog> backlog_;
};

}  // namespace

OpenLocalState write_behind(OpenLocalState open, std::size_t limit) {
  struct Opener {
    OpenLocalState open;
    std::shared_ptr<Backlogs> all;  // goes first, and writes what waits
  };
  return [opener = std::make_shared<Opener>(std::move(open), std::make_shared<Backlogs>(limit))](
             const std::string& service, PartitionId partition) -> Result<std::unique_ptr<LocalState>> {
    const auto& all = opener->all;
    all->write_all_of(service, partition);
    auto behind = opener->open(service, partition);
    if (!behind) return behind.error();
    auto backlog = std::make_shared<Backlog>(*std::move(behind), all->waiting_bytes());
    all->add({service, partition, backlog});
    return std::unique_ptr<LocalState>(std::make_unique<Copy>(all, std::move(backlog)));
  };
}

}  // namespace eventy
