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
#include <unordered_map>

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

// Changes that are still added to: of each key the last one, and the last place.
class Recent {
 public:
  void put(std::span<const LocalState::Change> changes, const LogPlace& place) {
    for (const auto& [key, value] : changes) {
      auto at = values_.find(key);
      if (at == values_.end()) {
        at = values_.emplace(key, std::nullopt).first;
        bytes_ += key.size() + sizeof *at;
      }
      bytes_ += (value ? value->size() : 0);
      bytes_ -= at->second ? at->second->size() : 0;
      if (value && at->second)
        at->second->assign(*value);
      else
        at->second = value;
    }
    place_ = place;
    if (!std::exchange(any_, true)) since_ = Clock::now();
  }
  const std::optional<std::string>* find(std::string_view key) const {
    const auto at = values_.find(key);
    return at == values_.end() ? nullptr : &at->second;
  }
  std::unique_ptr<const Batch> batch() const {
    const std::vector<LocalState::Change> changes(values_.begin(), values_.end());
    return std::make_unique<const Batch>(changes, place_);
  }
  bool any() const { return any_; }
  std::size_t bytes() const { return bytes_; }
  const LogPlace& place() const { return place_; }
  Clock::time_point since() const { return since_; }  // the first change

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  std::unordered_map<std::string, std::optional<std::string>, Hash, std::equal_to<>> values_ = {};
  std::size_t bytes_ = 0;
  bool any_ = false;  // a place without changes counts
  LogPlace place_ = {};
  Clock::time_point since_ = {};
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

  Result<std::optional<std::string>> get(std::string_view key) const {
    if (replaced_) {
      const std::shared_lock lock(waiting_);
      return later_->get(key);
    }
    if (waits_) {
      const std::shared_lock lock(waiting_);
      if (const auto* value = recent_.find(key)) return *value;
      for (auto it = batches_.rbegin(); it != batches_.rend(); ++it)
        if (const auto* change = (*it)->find(key))
          return change->second ? std::optional(std::string(*change->second)) : std::nullopt;
    }
    return behind_->get(key);  // what was written meanwhile is there
  }

  // True: something waits now where nothing did.
  Result<bool> apply(std::span<const LocalState::Change> changes, const LogPlace& place) {
    if (failed_ || waiting_bytes_ > options_.limit || nothing_waits_on()) {
      const std::lock_guard lock(writing_);
      if (failed_)
        if (auto written = write_one(); !written) return written.error();
      if (auto kept = keep_to_limit(); !kept) return kept.error();
      if (nothing_waits_on() && !waits_) {
        auto applied = behind_->apply(changes, place);
        return applied ? Result<bool>(false) : applied.error();
      }
    }
    std::unique_lock lock(waiting_);
    if (ended_) {
      lock.unlock();
      return apply(changes, place);
    }
    waiting_bytes_ -= recent_.bytes();
    recent_.put(changes, place);
    waiting_bytes_ += recent_.bytes();
    return !waits_.exchange(true);
  }
  Result<void> load(std::span<const LocalState::Change> changes, const LogPlace& place) {
    const std::lock_guard lock(writing_);
    if (auto kept = keep_to_limit(); !kept) return kept;
    if (ended_) return behind_->apply(changes, place);
    auto batch = std::make_unique<const Batch>(changes, place);
    const std::unique_lock waiting(waiting_);
    end_recent();
    push(std::move(batch));
    return {};
  }
  Result<LogPlace> place() const {
    const std::shared_lock lock(waiting_);
    if (recent_.any()) return recent_.place();
    return waits_ ? batches_.back()->place() : behind_->place();
  }
  Result<void> clear() {
    const std::lock_guard lock(writing_);
    drop();
    return behind_->clear();
  }

  bool waits() const { return waits_; }
  // When what waits is to be written, where loads end at `loads_end`.
  std::optional<Clock::time_point> due(Clock::time_point loads_end) const {
    const std::shared_lock lock(waiting_);
    if (!batches_.empty()) return loads_end;
    if (recent_.any()) return recent_.since() + options_.delay;
    return std::nullopt;
  }
  // The oldest batch that waits, if one does.
  Result<void> write_next() {
    const std::lock_guard lock(writing_);
    return write_one();
  }
  void write_all() {
    while (waits_)
      if (!write_next()) return;
  }
  // Writes what waits; from then on all goes straight to the copy behind.
  void end() {
    const std::lock_guard lock(writing_);
    {
      const std::unique_lock waiting(waiting_);
      ended_ = true;
    }
    while (waits_)
      if (!write_one()) break;
    drop();
  }
  // Another copy of the partition was opened: this one reads what that one has.
  void replace_by(std::shared_ptr<const Backlog> later) {
    const std::unique_lock lock(waiting_);
    later_ = std::move(later);
    replaced_ = true;
  }

 private:
  bool nothing_waits_on() const { return options_.delay == Duration{} || ended_; }
  // By the holder of writing_.
  Result<void> write_one() {
    const Batch* oldest = nullptr;
    {
      const std::unique_lock lock(waiting_);
      if (!waits_) return {};
      if (batches_.empty()) end_recent();
      oldest = batches_.front().get();
    }
    auto written = behind_->apply(oldest->changes(), oldest->place());
    failed_ = !written;
    if (!written) return written;
    const std::unique_lock lock(waiting_);
    pop();
    return {};
  }
  Result<void> keep_to_limit() {
    while (waits_ && waiting_bytes_ > options_.limit)
      if (auto written = write_one(); !written) return written;
    return {};
  }
  // By the holder of waiting_.
  void push(std::unique_ptr<const Batch> batch) {
    waiting_bytes_ += batch->size();
    batches_.push_back(std::move(batch));
    waits_ = true;
  }
  void pop() {
    waiting_bytes_ -= batches_.front()->size();
    batches_.pop_front();
    waits_ = !batches_.empty() || recent_.any();
  }
  void end_recent() {
    if (!recent_.any()) return;
    push(recent_.batch());
    forget_recent();
  }
  void forget_recent() {
    waiting_bytes_ -= recent_.bytes();
    recent_ = {};
  }
  void drop() {
    const std::unique_lock lock(waiting_);
    forget_recent();
    while (!batches_.empty()) pop();
    waits_ = failed_ = false;
  }

  const std::unique_ptr<LocalState> behind_;
  const WriteBehind options_;
  std::atomic<std::size_t>& waiting_bytes_;  // over all copies
  mutable std::mutex writing_ = {};          // one at a time changes the copy behind; taken before waiting_
  std::atomic<bool> failed_ = false;         // the last attempt to write what waits
  mutable std::shared_mutex waiting_ = {};   // guards what follows
  std::deque<std::unique_ptr<const Batch>> batches_ = {};  // oldest first
  Recent recent_ = {};                                     // behind them
  std::atomic<bool> waits_ = false;                        // there is either
  std::atomic<bool> ended_ = false;
  std::atomic<bool> replaced_ = false;  // there is a later one
  std::shared_ptr<const Backlog> later_ = {};
};

// All copies of one write_behind(), and its thread.
class Backlogs {
 public:
  explicit Backlogs(const WriteBehind& options) : options_(options), thread_([this] { work(); }) {}
  Backlogs(const Backlogs&) = delete;
  Backlogs& operator=(const Backlogs&) = delete;
  ~Backlogs() { end(); }
  // Waits until what waits is written; from then on nothing does.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    for (const auto& e : entries_) e.backlog->end();
  }

  const WriteBehind& options() const { return options_; }
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
  // So that another copy of the partition begins with what these hold.
  std::vector<std::shared_ptr<Backlog>> write_all_of(const std::string& service, PartitionId partition) {
    std::vector<std::shared_ptr<Backlog>> found;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& e : entries_)
        if (e.service == service && e.partition == partition) found.push_back(e.backlog);
    }
    for (const auto& backlog : found) backlog->write_all();
    const std::lock_guard lock(mutex_);  // `found` has another reference
    std::erase_if(entries_, [](const Entry& e) { return e.ended && !e.backlog->waits(); });
    return found;
  }
  void loaded() {
    const std::lock_guard lock(mutex_);
    last_load_ = Clock::now();
    changed_.notify_all();
  }
  void applied() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      std::optional<Clock::time_point> later;
      auto next = next_due(later);
      if (!next && later) {
        changed_.wait_until(lock, *later);
      } else if (!next) {
        changed_.wait(lock);
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
  }
  // In turn, so that one which cannot be written keeps no other one up. If none is due: when the first is.
  std::shared_ptr<Backlog> next_due(std::optional<Clock::time_point>& later) {
    const auto now = Clock::now();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto& e = entries_[++turn_ % entries_.size()];
      const auto due = e.backlog->due(last_load_ + calm);
      if (!due) continue;
      if (*due <= now || e.ended) return e.backlog;
      if (!later || *due < *later) later = due;
    }
    return nullptr;
  }

  const WriteBehind options_;
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
    const auto waits = backlog_->apply(changes, place);
    if (!waits) return waits.error();
    if (*waits) all_->applied();
    return {};
  }
  Result<void> load(std::span<const Change> changes, const LogPlace& place) override {
    auto loaded = backlog_->load(changes, place);
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

OpenLocalState write_behind(OpenLocalState open, const WriteBehind& options) {
  struct Opener {
    OpenLocalState open;
    std::shared_ptr<Backlogs> all;

    Opener(OpenLocalState o, const WriteBehind& options)
        : open(std::move(o)), all(std::make_shared<Backlogs>(options)) {}
    Opener(const Opener&) = delete;
    Opener& operator=(const Opener&) = delete;
    ~Opener() { all->end(); }  // also where copies are held on to
  };
  return [opener = std::make_shared<Opener>(std::move(open), options)](
             const std::string& service, PartitionId partition) -> Result<std::unique_ptr<LocalState>> {
    const auto& all = opener->all;
    auto earlier = all->write_all_of(service, partition);
    auto behind = opener->open(service, partition);
    if (!behind) return behind.error();
    const auto backlog = std::make_shared<Backlog>(*std::move(behind), all->options(), all->waiting_bytes());
    for (const auto& e : earlier) e->replace_by(backlog);
    all->add({service, partition, backlog});
    return std::unique_ptr<LocalState>(std::make_unique<Copy>(all, backlog));
  };
}

}  // namespace eventy
