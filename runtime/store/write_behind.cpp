#include "eventy/store/write_behind.hpp"

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "backlog.hpp"

namespace eventy {
namespace {

using detail::Backlog;
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds calm{100};  // time without a load before waiting changes are written

// All copies of one write_behind() and the thread that writes.
class Backlogs {
 public:
  explicit Backlogs(const WriteBehind& options) : options_(options), thread_([this] { work(); }) {}
  Backlogs(const Backlogs&) = delete;
  Backlogs& operator=(const Backlogs&) = delete;
  ~Backlogs() { end(); }
  // Waits until all waiting changes are written; no more are accepted.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    std::vector<std::shared_ptr<Backlog>> all;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& e : entries_) all.push_back(e.backlog);
    }
    for (const auto& backlog : all) backlog->end();
  }

  const WriteBehind& options() const { return options_; }
  std::atomic<std::size_t>& waiting_bytes() { return waiting_bytes_; }

  struct Entry {
    std::string service;
    PartitionId partition;
    std::shared_ptr<Backlog> backlog;
    bool ended = false;  // its owner is gone: write it, then forget it
  };
  void add(Entry entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  // Does not wait: a caller that gives a partition up has no time.
  void end(const Backlog& backlog) {
    const std::lock_guard lock(mutex_);
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& e) { return e.backlog.get() == &backlog; });
    entry->ended = true;
    if (!backlog.waits()) entries_.erase(entry);  // the caller holds another reference
    changed_.notify_all();
  }
  // Writes what the earlier copies of the partition hold, so that a new copy starts with it.
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
        next.reset();  // possibly the last reference, and the slower copy takes time to close
        lock.lock();
      }
    }
  }
  // Round robin, so that a copy that cannot be written does not hold up the others. If none is due: sets when
  // the first one is.
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
  std::mutex mutex_ = {};  // guards the members below
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
  Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
    const auto waits = backlog_->apply(changes, place);
    if (!waits) return waits.error();
    if (*waits) all_->applied();
    return {};
  }
  Result<void> load(std::span<const Change> changes, const LogPosition& place) override {
    auto loaded = backlog_->load(changes, place);
    all_->loaded();
    return loaded;
  }
  Result<LogPosition> place() const override { return backlog_->place(); }
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
    ~Opener() { all->end(); }  // even if copies are still held
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
