#include <condition_variable>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "eventy/core/future.hpp"
#include "eventy/store/record_writer.hpp"

namespace eventy {
namespace {

constexpr std::size_t max_group_bytes = 8u << 20;  // of one transaction; at least one record

std::size_t size_of(const NewRecord& record) {
  return record.value.size() + (record.key ? record.key->size() : 0);
}

class GroupWriter final : public RecordWriter {
 public:
  explicit GroupWriter(RecordStore& store) : store_(store), thread_([this] { work(); }) {}
  ~GroupWriter() override { close(Duration(0)); }

  void write(const std::string& topic, PartitionId partition, NewRecord record, Done done) override {
    record.partition = partition;
    {
      const std::lock_guard lock(mutex_);
      if (!is_closed_) {
        queue_.push_back({topic, std::move(record), std::move(done)});
        changed_.notify_one();
        return;
      }
    }
    done(closed());
  }

  void close(Duration within) override {
    {
      std::unique_lock lock(mutex_);
      is_closed_ = true;
      changed_.notify_all();
      emptied_.wait_for(lock, within, [this] { return queue_.empty() && !is_writing_; });
      if (is_joined_) return;
      is_joined_ = gives_up_ = true;
      changed_.notify_all();
    }
    thread_.join();  // a transaction that is being written has its outcome first
    for (auto& entry : take_all()) entry.done(closed());
  }

 private:
  struct Entry {
    std::string topic;
    NewRecord record;
    Done done;
  };
  static Error closed() {
    return {ErrorCode::closed, "the writer of records is closed; the record is not stored"};
  }

  std::vector<Entry> take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(queue_, {});
  }

  // The first entries, up to the bound. The lock is held.
  std::vector<Entry> take() {
    std::size_t count = 0, bytes = 0;
    while (count < queue_.size() && (count == 0 || bytes < max_group_bytes))
      bytes += size_of(queue_[count++].record);
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Entry> group(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    return group;
  }

  void work() {
    const CallbackThread marked;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !queue_.empty() || is_closed_; });
      if (queue_.empty() || gives_up_) return;
      auto group = take();
      is_writing_ = true;
      lock.unlock();
      store(std::move(group));
      lock.lock();
      is_writing_ = false;
      if (queue_.empty()) emptied_.notify_all();
    }
  }

  void store(std::vector<Entry> group) {
    std::map<std::string, std::vector<Entry>> by_topic;
    for (auto& entry : group) by_topic[entry.topic].push_back(std::move(entry));
    for (auto& [topic, entries] : by_topic) append(topic, entries);
  }

  void append(const std::string& topic, std::vector<Entry>& entries) {
    std::vector<NewRecord> records;
    records.reserve(entries.size());
    for (auto& entry : entries) records.push_back(std::move(entry.record));
    const auto offsets = store_.append(topic, records);
    if (offsets.ok()) {
      for (std::size_t i = 0; i < entries.size(); ++i) entries[i].done((*offsets)[i]);
    } else if (entries.size() > 1 && is_of_one_record(offsets.error().code)) {
      for (std::size_t i = 0; i < entries.size(); ++i)
        append_one(topic, std::move(records[i]), entries[i].done);
    } else {
      for (const auto& entry : entries) entry.done(offsets.error());
    }
  }

  // Nothing of a transaction is stored because of one record: the others are not to blame.
  static bool is_of_one_record(ErrorCode code) {
    return code == ErrorCode::too_large || code == ErrorCode::invalid_argument;
  }

  void append_one(const std::string& topic, NewRecord record, const Done& done) {
    std::vector<NewRecord> one;
    one.push_back(std::move(record));
    const auto offsets = store_.append(topic, one);
    done(offsets.ok() ? Result<Offset>((*offsets)[0]) : Result<Offset>(offsets.error()));
  }

  RecordStore& store_;
  std::mutex mutex_ = {};  // guards what follows
  std::condition_variable changed_ = {}, emptied_ = {};
  std::vector<Entry> queue_ = {};
  bool is_closed_ = false, is_writing_ = false, gives_up_ = false, is_joined_ = false;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace

std::unique_ptr<RecordWriter> make_group_writer(RecordStore& store) {
  return std::make_unique<GroupWriter>(store);
}

Result<std::unique_ptr<RecordWriter>> RecordStore::open_writer() { return make_group_writer(*this); }

}  // namespace eventy
