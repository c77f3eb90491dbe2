#include "restore.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "eventy/store/rules.hpp"
#include "eventy/store/worker.hpp"
#include "fetch_waker.hpp"

namespace eventy::kafka::detail {
namespace {

// In memory before they go into the copies: of a partition, and of all of them.
constexpr std::size_t least_batch_bytes = 32u << 10, max_batch_bytes = 1u << 20, all_batches = 16u << 20;
constexpr int max_applying = 2;  // batches on their way into copies
constexpr int poll_ms = 10;
constexpr std::chrono::milliseconds turn{20};  // copies are opened, then records are read, for so long
constexpr std::chrono::milliseconds report_interval{100};       // at least, between reports of what is done
constexpr std::chrono::milliseconds progress_interval{250};     // at least, between reports of one partition
constexpr Duration default_retention = std::chrono::hours(24);  // of tombstones, where Kafka does not tell

// A copy that was not brought up to date for so long may hold keys whose end is no longer in the log. Less
// than the log keeps tombstones, for the restore itself takes time.
Duration max_age_of_copies(const Client::Limits& log) {
  const Duration kept = log.delete_retention.value_or(default_retention);
  return kept - std::min<Duration>(std::chrono::hours(1), kept / 2);
}

std::string_view bytes_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

// Changes of a partition, on their way from the log into its copy.
struct Read {
  struct Change {
    std::size_t key_size;
    std::optional<std::size_t> value_size;
  };
  std::string bytes = {};  // of keys and values, one behind the other
  std::vector<Change> changes = {};

  void add(std::string_view key, std::optional<std::string_view> value) {
    changes.push_back({key.size(), value ? std::optional(value->size()) : std::nullopt});
    bytes.append(key);
    if (value) bytes.append(*value);
  }
  std::vector<LocalState::Change> views() const {
    std::vector<LocalState::Change> all;
    all.reserve(changes.size());
    std::string_view rest = bytes;
    const auto next = [&rest](std::size_t size) {
      const auto text = rest.substr(0, size);
      rest.remove_prefix(size);
      return text;
    };
    for (const auto& [key_size, value_size] : changes) {
      const auto key = next(key_size);
      all.emplace_back(key, value_size ? std::optional(next(*value_size)) : std::nullopt);
    }
    return all;
  }
};

// One partition on its way through the log.
struct RestoreTask {
  Restore& restore;
  Client::OffsetRange ends = {};
  Offset start = {}, next = {};
  LogNamePlace named = {};  // of the copy
  std::string other = {};   // incarnation that the log was found to be instead
  enum class Stage : std::uint8_t {
    waiting,
    verifying,  // whether the name of the copy's log stands where it stood, before the copy is continued
    naming,     // whether it stands anywhere, before the copy is made anew
    reading
  } stage = Stage::waiting;
  Read read = {};
  Offset told = {-1};     // where it was when its progress was reported last
  bool assigned = false;  // to the reader

  bool done() const { return stage == Stage::reading && next >= ends.end; }
};

class Restorer {
 public:
  Restorer(Client& client, const std::string& service, const RestoreListener& news)
      : client_(client), service_(service), topic_(changelog_of(service)), listener_(news) {}

  Result<void> run(std::vector<Restore>& restores);

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> find_ends(std::vector<Restore>& restores);
  Result<void> open_copies();
  Result<void> open(RestoreTask& task);
  Result<void> look_at_copy(RestoreTask& task);
  Result<void> begin(const std::vector<RestoreTask*>& tasks);
  Result<void> make_reader();
  void leave(const std::vector<RestoreTask*>& tasks);
  Result<void> read();
  Result<void> take(const rd_kafka_message_t& message);
  Result<void> take_record(RestoreTask& task, const rd_kafka_message_t& message);
  Result<void> take_error(const rd_kafka_message_t& message);
  Result<void> identify(RestoreTask& task, const rd_kafka_message_t& message);
  void continue_copy(RestoreTask& task);
  Result<void> discard_copy(RestoreTask& task);
  Result<void> make_copy_anew(RestoreTask& task);
  Error another_log(const RestoreTask& task) const;
  Result<void> seek(RestoreTask& task);
  Result<void> flush(RestoreTask& task);
  Result<void> skip_transaction_markers();
  Result<void> check_silence() const;
  Result<void> check_end(const RestoreTask& task) const;
  Result<void> applied();
  void leave_out_stopped();
  Result<void> report();
  void report_progress();
  void report_progress(RestoreTask& task);
  bool is_read() const {  // what was opened
    return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& w) {
      return w.second.done() || w.second.stage == RestoreTask::Stage::waiting;
    });
  }
  PartitionList unread() const;
  PartitionList list_of(const std::vector<RestoreTask*>& tasks) const;
  Error lost(const RestoreTask& task, const std::string& what) const;
  std::string names(const RestoreTask& task) const {
    return "topic " + printable(topic_) + " partition " + std::to_string(task.restore.partition.value);
  }

  Client& client_;
  std::string service_, topic_;
  const RestoreListener& listener_;
  Duration max_age_ = {};                           // of a copy that is continued
  std::map<std::int32_t, RestoreTask> tasks_ = {};  // those that are left
  std::deque<std::int32_t> waiting_ = {};           // for their copies to be opened
  std::size_t batch_bytes_ = max_batch_bytes;       // of a partition, in memory
  Clock::time_point heard_ = {}, told_ = {}, reported_ = Clock::now();
  std::string trouble_ = {};  // since something was heard
  Handle handle_ = {};
  Queue queue_ = {};
  std::optional<FetchWaker> fetch_waker_ = {};
  std::atomic<int> applying_ = 0;  // batches that the writer has in hand
  std::mutex failure_mutex_ = {};
  std::optional<Error> failure_ = {};  // of the writer
  Worker writer_ = {};                 // the last member: its jobs use the others
};

Error Restorer::lost(const RestoreTask& task, const std::string& what) const {
  return {ErrorCode::corrupt, names(task) + " " + what +
                                  ": states that were committed are lost. Bring the topic back, or " +
                                  how_to_start_over};
}

Result<void> Restorer::find_ends(std::vector<Restore>& restores) {
  std::vector<TopicPartition> places;
  for (const auto& restore : restores)
    places.push_back({client_.name_in_kafka(topic_), static_cast<std::int32_t>(restore.partition.value)});
  // All that was written, decided or not: reading waits for what is not.
  auto first = client_.list_offsets(places, Client::OffsetSpec::earliest, Isolation::read_uncommitted);
  if (!first) return first.error();
  auto end = client_.list_offsets(places, Client::OffsetSpec::latest, Isolation::read_uncommitted);
  if (!end) return end.error();
  for (std::size_t i = 0; i < restores.size(); ++i) {
    RestoreTask& task = tasks_.emplace(places[i].partition, RestoreTask{restores[i]}).first->second;
    task.ends = {(*first)[i], (*end)[i]};
    waiting_.push_back(places[i].partition);
  }
  batch_bytes_ = std::clamp(all_batches / restores.size(), least_batch_bytes, max_batch_bytes);
  return {};
}

// Some of those that wait: a disk may be slow, and those that are open need not wait for the last one.
Result<void> Restorer::open_copies() {
  if (waiting_.empty()) return {};
  std::vector<RestoreTask*> opened;
  for (const auto until = Clock::now() + turn; !waiting_.empty() && Clock::now() < until;) {
    const auto task = tasks_.find(waiting_.front());
    waiting_.pop_front();
    if (task == tasks_.end()) continue;  // it was stopped
    if (auto good = open(task->second); !good) return good;
    report_progress(task->second);
    if (!task->second.done()) opened.push_back(&task->second);
  }
  return opened.empty() ? Result<void>() : begin(opened);
}

Result<void> Restorer::open(RestoreTask& task) {
  if (!task.restore.copy) {
    auto copy = client_.options().local_state(client_.name_in_kafka(service_), task.restore.partition);
    if (!copy) return copy.error();
    task.restore.copy = *std::move(copy);
  }
  return look_at_copy(task);
}

// Where reading begins, and whether the copy may be continued.
Result<void> Restorer::look_at_copy(RestoreTask& task) {
  if (!task.restore.expected_log.empty() && task.ends.end < task.restore.expected_reach)
    return lost(task, "ends at offset " + std::to_string(task.ends.end.value) +
                          ", but it was written up to " + std::to_string(task.restore.expected_reach.value));
  auto place = task.restore.copy->place();
  if (!place) return place.error();
  task.named = LogNamePlace::read(place->log);
  const bool fits = !place->log.empty() && place->next >= task.ends.first && place->next <= task.ends.end &&
                    task.named.at >= task.ends.first && task.named.at < task.ends.end;
  const bool fresh = place->next == task.ends.end || SystemClock{}.date() - place->synced < max_age_;
  if (fits && (fresh || task.restore.is_kept)) {
    task.stage = RestoreTask::Stage::verifying;
    task.restore.place = *place;
    task.start = task.next = task.named.at;
    return {};
  }
  return discard_copy(task);
}

void Restorer::continue_copy(RestoreTask& task) {
  task.stage = RestoreTask::Stage::reading;
  task.start = task.next = task.restore.place.next;
}

// A copy that cannot be continued. It may be the last trace of the states, if the log is not the one that it
// was made of and no position names that log: then it is not emptied.
Result<void> Restorer::discard_copy(RestoreTask& task) {
  const auto& expected = task.restore.expected_log;
  if (task.restore.is_kept) return lost(task, "is not what its copy here was made of any more");
  if (task.ends.first.value > 0)
    return lost(task, "begins at offset " + std::to_string(task.ends.first.value) +
                          " and its copy here is of no use");
  if (task.named.incarnation.empty()) return make_copy_anew(task);
  if (!expected.empty() && expected != task.named.incarnation) {
    client_.log_warning(names(task) + " is incarnation " + printable(expected) +
                        ", as its positions say, and the copy here is of incarnation " +
                        printable(task.named.incarnation) + ": it is made anew");
    return make_copy_anew(task);
  }
  if (task.ends.first == task.ends.end) return another_log(task);
  task.stage = RestoreTask::Stage::naming;
  task.start = task.next = task.ends.first;
  return {};
}

Error Restorer::another_log(const RestoreTask& task) const {
  return lost(task,
              (task.other.empty() ? "has no name" : "is incarnation " + printable(task.other)) +
                  ", and the copy of its states here, which is what is left of them, is of incarnation " +
                  printable(task.named.incarnation) +
                  ", for the topic was deleted and made anew, or the cluster has lost its topics");
}

Result<void> Restorer::make_copy_anew(RestoreTask& task) {
  task.stage = RestoreTask::Stage::reading;
  auto place = task.restore.copy->place();
  if (!place) return place.error();
  if (*place != LogPlace{})
    if (auto cleared = task.restore.copy->clear(); !cleared) return cleared;
  task.restore.place = {};
  task.restore.name = {};
  task.start = task.next = task.ends.first;
  return {};
}

Result<void> Restorer::begin(const std::vector<RestoreTask*>& tasks) {
  if (!handle_)
    if (auto made = make_reader(); !made) return made;
  const KafkaError error(rd_kafka_incremental_assign(handle_.get(), list_of(tasks).get()));
  if (error) return client_.failed(*error, "cannot read topic " + printable(topic_));
  for (RestoreTask* task : tasks) task->assigned = true;
  heard_ = Clock::now();
  return {};
}

void Restorer::leave(const std::vector<RestoreTask*>& tasks) {
  std::vector<RestoreTask*> assigned;
  std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(assigned),
               [](RestoreTask* w) { return w->assigned; });
  if (!assigned.empty())
    const KafkaError ignored(rd_kafka_incremental_unassign(handle_.get(), list_of(assigned).get()));
  for (const RestoreTask* task : tasks)
    tasks_.erase(static_cast<std::int32_t>(task->restore.partition.value));
}

Result<void> Restorer::make_reader() {
  auto conf = client_.reading_conf({{"group.id", client_.options().prefix + "eventy-reader"},
                                    {"fetch.wait.max.ms", "10"},
                                    {"queued.min.messages", "50000"},
                                    {"queued.max.messages.kbytes", "65536"}});
  if (!conf) return conf.error();
  auto handle = Client::make_handle(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return handle.error();
  handle_ = *std::move(handle);
  rd_kafka_poll_set_consumer(handle_.get());
  queue_.reset(rd_kafka_queue_get_consumer(handle_.get()));
  fetch_waker_.emplace(*handle_, *queue_);
  return {};
}

PartitionList Restorer::list_of(const std::vector<RestoreTask*>& tasks) const {
  auto list = make_list(static_cast<int>(tasks.size()));
  for (const RestoreTask* task : tasks)
    rd_kafka_topic_partition_list_add(list.get(), client_.name_in_kafka(topic_).c_str(),
                                      static_cast<std::int32_t>(task->restore.partition.value))
        ->offset = task->next.value;
  return list;
}

Result<void> Restorer::seek(RestoreTask& task) {
  const auto list = list_of({&task});
  // A finite timeout would be taken for a thousandth of it (librdkafka 2.0.2).
  const KafkaError error(rd_kafka_seek_partitions(handle_.get(), list.get(), -1));
  if (error) return client_.failed(*error, "cannot read " + names(task));
  return check_each(*list, "cannot read");
}

// Whether the log is the one that the copy was made of.
Result<void> Restorer::identify(RestoreTask& task, const rd_kafka_message_t& message) {
  std::optional<LogName> name;
  if (bytes_of(message.key, message.key_len) == log_name_key)
    name = LogName::read(bytes_of(message.payload, message.len));
  Result<void> good;
  if (task.stage == RestoreTask::Stage::naming) {
    task.next = Offset{message.offset + 1};
    if (name && name->incarnation != task.named.incarnation) task.other = name->incarnation;
    if (!name || name->incarnation != task.named.incarnation) return {};
    good = make_copy_anew(task);
  } else if (name && message.offset == task.named.at.value && name->incarnation == task.named.incarnation) {
    task.restore.name = *std::move(name);
    continue_copy(task);
  } else {
    good = discard_copy(task);
  }
  return good ? seek(task) : good;
}

Result<void> Restorer::take_record(RestoreTask& task, const rd_kafka_message_t& message) {
  const Offset at{message.offset};
  const auto key = bytes_of(message.key, message.key_len);
  if (task.stage != RestoreTask::Stage::reading) return identify(task, message);
  if (at < task.next) return {};
  task.next = Offset{message.offset + 1};
  ++task.restore.records;
  if (key == log_name_key) {
    task.restore.name = LogName::read(bytes_of(message.payload, message.len));
    task.restore.place.log = LogNamePlace{task.restore.name.incarnation, at}.text();
    return {};
  }
  task.read.add(key, message.payload ? std::optional(bytes_of(message.payload, message.len)) : std::nullopt);
  return task.read.bytes.size() < batch_bytes_ ? Result<void>() : flush(task);
}

// Copies are written while the next records are read. Once one is stopped, nothing more of it is written.
Result<void> Restorer::flush(RestoreTask& task) {
  if (applying_ >= max_applying) writer_.wait();
  task.restore.place.next = task.next;
  task.restore.place.synced = SystemClock{}.date();
  ++applying_;
  const auto read = std::make_shared<const Read>(std::exchange(task.read, {}));
  writer_.begin([this, read, copy = task.restore.copy, place = task.restore.place, stop = task.restore.stop] {
    if (auto done = stop.stop_requested() ? Result<void>() : copy->load(read->views(), place); !done) {
      const std::lock_guard lock(failure_mutex_);
      failure_ = done.error();
    }
    --applying_;
  });
  return applied();
}

// What the writer could not do.
Result<void> Restorer::applied() {
  const std::lock_guard lock(failure_mutex_);
  if (failure_) return *failure_;
  return {};
}

void Restorer::report_progress() {
  const auto now = Clock::now();
  if (now - told_ < progress_interval) return;
  told_ = now;
  for (auto& [p, task] : tasks_) report_progress(task);
}

// If it has moved. What it has to read is known once its copy was checked_inputs at.
void Restorer::report_progress(RestoreTask& task) {
  if (!listener_.progress || task.stage != RestoreTask::Stage::reading || task.told == task.next) return;
  task.told = task.next;
  listener_.progress(task.restore.partition, static_cast<std::uint64_t>(task.next.value - task.start.value),
                     static_cast<std::uint64_t>(task.ends.end.value - task.start.value));
}

// Transaction markers are no messages, but they move the consumer's position.
Result<void> Restorer::skip_transaction_markers() {
  const auto list = unread();
  if (list->cnt == 0 || rd_kafka_position(handle_.get(), list.get())) return {};
  for (int i = 0; i < list->cnt; ++i) {
    RestoreTask& task = tasks_.at(list->elems[i].partition);
    const Offset at{list->elems[i].offset};
    if (task.stage == RestoreTask::Stage::naming && std::max(at, task.next) >= task.ends.end)
      return another_log(task);
    if (at <= task.next) continue;
    if (task.stage == RestoreTask::Stage::verifying) {  // there is nothing where the name stood
      if (auto checked = discard_copy(task); !checked) return checked;
      if (auto moved = seek(task); !moved) return moved;
    } else {
      task.next = at;
    }
  }
  return {};
}

PartitionList Restorer::unread() const {
  auto list = make_list();
  for (const auto& [p, task] : tasks_)
    if (!task.done() && task.stage != RestoreTask::Stage::waiting)
      rd_kafka_topic_partition_list_add(list.get(), client_.name_in_kafka(topic_).c_str(), p);
  return list;
}

// For a while, or until all of it is read.
Result<void> Restorer::read() {
  if (!handle_) return {};
  const int patience = waiting_.empty() ? poll_ms : 0;
  bool heard = false;
  for (const auto until = Clock::now() + turn; Clock::now() < until;) {
    const Message message(rd_kafka_consumer_poll(handle_.get(), patience));
    if (message) {
      if (auto taken = take(*message); !taken) return taken;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        heard = true;
        continue;
      }
    }
    if (auto checked_inputs = skip_transaction_markers(); !checked_inputs) return checked_inputs;
    if (is_read() || (!message && patience == 0)) break;
  }
  if (heard) heard_ = Clock::now(), trouble_.clear();
  return check_silence();
}

Result<void> Restorer::take(const rd_kafka_message_t& message) {
  const bool end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && !end) return take_error(message);
  if (!end) fetch_waker_->took(1, message.len, [this] { return unread(); });
  const auto at = tasks_.find(message.partition);
  if (at == tasks_.end() || at->second.done()) return {};
  RestoreTask& task = at->second;
  if (!end) return take_record(task, message);
  if (task.stage != RestoreTask::Stage::verifying) task.next = std::max(task.next, Offset{message.offset});
  return {};
}

// What librdkafka goes on trying by itself is no end.
Result<void> Restorer::take_error(const rd_kafka_message_t& message) {
  auto error = client_.failed(message, "cannot restore states");
  if (error.code != ErrorCode::timed_out && error.code != ErrorCode::io) return error;
  trouble_ = "; last heard: " + error.message;
  return {};
}

Result<void> Restorer::check_silence() const {
  if (Clock::now() - heard_ < client_.options().request_timeout) return {};
  for (const auto& [p, task] : tasks_)
    if (!task.done() && task.stage != RestoreTask::Stage::waiting)
      return Error{ErrorCode::timed_out, "Kafka: " + names(task) + ": nothing comes from offset " +
                                             std::to_string(task.next.value) + " on, and it ends at " +
                                             std::to_string(task.ends.end.value) + trouble_};
  return {};
}

void Restorer::leave_out_stopped() {
  std::vector<RestoreTask*> stopped;
  for (auto& [p, task] : tasks_)
    if (task.restore.stop.stop_requested()) stopped.push_back(&task);
  for (const RestoreTask* task : stopped) task->restore.copy.reset();
  leave(stopped);
}

// Those that are done may go to work, once what was read is in their copies; several together, for each time
// costs a transaction.
Result<void> Restorer::report() {
  if (!(waiting_.empty() && is_read()) && Clock::now() - reported_ < report_interval) return {};
  std::vector<RestoreTask*> done;
  for (auto& [p, task] : tasks_)
    if (task.done()) done.push_back(&task);
  if (done.empty()) return {};
  for (RestoreTask* task : done) {
    if (auto checked = check_end(*task); !checked) return checked;
    if (auto flushed = flush(*task); !flushed) return flushed;
  }
  writer_.wait();
  if (auto good = applied(); !good) return good;
  std::vector<Restore> restored;
  for (RestoreTask* task : done) {
    report_progress(*task);
    if (listener_.restored) restored.push_back(std::move(task->restore));
  }
  leave(done);
  if (listener_.restored) listener_.restored(std::move(restored));
  reported_ = Clock::now();
  return {};
}

Result<void> Restorer::check_end(const RestoreTask& task) const {
  const auto& expected = task.restore.expected_log;
  if (expected.empty() || task.restore.name.incarnation == expected) return {};
  const auto& now = task.restore.name.incarnation;
  return lost(task, (now.empty() ? "has no name" : "is incarnation " + printable(now)) +
                        ", but what was committed is of incarnation " + printable(expected) +
                        ": it was made anew since");
}

Result<void> Restorer::run(std::vector<Restore>& restores) {
  auto limits = client_.limits_of(topic_);
  if (!limits) return limits.error();
  max_age_ = max_age_of_copies(*limits);
  if (auto found = find_ends(restores); !found) return found;
  for (leave_out_stopped(); !tasks_.empty(); leave_out_stopped()) {
    if (auto opened = open_copies(); !opened) return opened;
    report_progress();
    if (auto good = read(); !good) return good;
    if (auto reported = report(); !reported) return reported;
  }
  return {};
}

}  // namespace

Result<void> restore(Client& client, const std::string& service, std::vector<Restore>& restores,
                     const RestoreListener& news) {
  if (restores.empty()) return {};
  return Restorer(client, service, news).run(restores);
}

}  // namespace eventy::kafka::detail
