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
#include "refill.hpp"

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
struct Work {
  Restore& task;
  Client::Ends ends = {};
  Offset start = {}, next = {};
  NamedAt named = {};      // of the copy
  std::string other = {};  // incarnation that the log was found to be instead
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
  Restorer(Client& client, const std::string& service, const RestoreNews& news)
      : client_(client), service_(service), topic_(changelog_of(service)), news_(news) {}

  Result<void> run(std::vector<Restore>& tasks);

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> find_ends(std::vector<Restore>& tasks);
  Result<void> open_copies();
  Result<void> open(Work& work);
  Result<void> look_at_copy(Work& work);
  Result<void> begin(const std::vector<Work*>& works);
  Result<void> make_reader();
  void leave(const std::vector<Work*>& works);
  Result<void> read();
  Result<void> take(const rd_kafka_message_t& message);
  Result<void> take_record(Work& work, const rd_kafka_message_t& message);
  Result<void> take_error(const rd_kafka_message_t& message);
  Result<void> identify(Work& work, const rd_kafka_message_t& message);
  void continue_copy(Work& work);
  Result<void> discard_copy(Work& work);
  Result<void> make_copy_anew(Work& work);
  Error another_log(const Work& work) const;
  Result<void> seek(Work& work);
  Result<void> flush(Work& work);
  Result<void> look_behind_marks();
  Result<void> check_silence() const;
  Result<void> check_end(const Work& work) const;
  Result<void> applied();
  void leave_out_stopped();
  Result<void> report();
  void tell_progress();
  void tell_progress(Work& work);
  bool is_read() const {  // what was opened
    return std::all_of(works_.begin(), works_.end(), [](const auto& w) {
      return w.second.done() || w.second.stage == Work::Stage::waiting;
    });
  }
  PartitionList unread() const;
  PartitionList list_of(const std::vector<Work*>& works) const;
  Error lost(const Work& work, const std::string& what) const;
  std::string names(const Work& work) const {
    return "topic " + printable(topic_) + " partition " + std::to_string(work.task.partition.value);
  }

  Client& client_;
  std::string service_, topic_;
  const RestoreNews& news_;
  Duration max_age_ = {};                      // of a copy that is continued
  std::map<std::int32_t, Work> works_ = {};    // those that are left
  std::deque<std::int32_t> waiting_ = {};      // for their copies to be opened
  std::size_t batch_bytes_ = max_batch_bytes;  // of a partition, in memory
  Clock::time_point heard_ = {}, told_ = {}, reported_ = Clock::now();
  std::string trouble_ = {};  // since something was heard
  Handle handle_ = {};
  Queue queue_ = {};
  std::optional<Refill> refill_ = {};
  std::atomic<int> applying_ = 0;  // batches that the writer has in hand
  std::mutex failure_mutex_ = {};
  std::optional<Error> failure_ = {};  // of the writer
  Worker writer_ = {};                 // the last member: its jobs use the others
};

Error Restorer::lost(const Work& work, const std::string& what) const {
  return {ErrorCode::corrupt, names(work) + " " + what +
                                  ": states that were committed are lost. Bring the topic back, or " +
                                  begin_anew};
}

Result<void> Restorer::find_ends(std::vector<Restore>& tasks) {
  std::vector<TopicPartition> places;
  for (const auto& task : tasks)
    places.push_back({client_.name_in_kafka(topic_), static_cast<std::int32_t>(task.partition.value)});
  // All that was written, decided or not: reading waits for what is not.
  auto first = client_.edges(places, Client::Edge::first, Isolation::read_uncommitted);
  if (!first) return first.error();
  auto end = client_.edges(places, Client::Edge::end, Isolation::read_uncommitted);
  if (!end) return end.error();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Work& work = works_.emplace(places[i].partition, Work{tasks[i]}).first->second;
    work.ends = {(*first)[i], (*end)[i]};
    waiting_.push_back(places[i].partition);
  }
  batch_bytes_ = std::clamp(all_batches / tasks.size(), least_batch_bytes, max_batch_bytes);
  return {};
}

// Some of those that wait: a disk may be slow, and those that are open need not wait for the last one.
Result<void> Restorer::open_copies() {
  if (waiting_.empty()) return {};
  std::vector<Work*> opened;
  for (const auto until = Clock::now() + turn; !waiting_.empty() && Clock::now() < until;) {
    const auto work = works_.find(waiting_.front());
    waiting_.pop_front();
    if (work == works_.end()) continue;  // it was stopped
    if (auto good = open(work->second); !good) return good;
    tell_progress(work->second);
    if (!work->second.done()) opened.push_back(&work->second);
  }
  return opened.empty() ? Result<void>() : begin(opened);
}

Result<void> Restorer::open(Work& work) {
  if (!work.task.copy) {
    auto copy = client_.options().local_state(client_.name_in_kafka(service_), work.task.partition);
    if (!copy) return copy.error();
    work.task.copy = *std::move(copy);
  }
  return look_at_copy(work);
}

// Where reading begins, and whether the copy may be continued.
Result<void> Restorer::look_at_copy(Work& work) {
  if (!work.task.expected_log.empty() && work.ends.end < work.task.expected_reach)
    return lost(work, "ends at offset " + std::to_string(work.ends.end.value) +
                          ", but it was written up to " + std::to_string(work.task.expected_reach.value));
  auto place = work.task.copy->place();
  if (!place) return place.error();
  work.named = NamedAt::read(place->log);
  const bool fits = !place->log.empty() && place->next >= work.ends.first && place->next <= work.ends.end &&
                    work.named.at >= work.ends.first && work.named.at < work.ends.end;
  const bool fresh = place->next == work.ends.end || SystemClock{}.date() - place->synced < max_age_;
  if (fits && (fresh || work.task.is_kept)) {
    work.stage = Work::Stage::verifying;
    work.task.place = *place;
    work.start = work.next = work.named.at;
    return {};
  }
  return discard_copy(work);
}

void Restorer::continue_copy(Work& work) {
  work.stage = Work::Stage::reading;
  work.start = work.next = work.task.place.next;
}

// A copy that cannot be continued. It may be the last trace of the states, if the log is not the one that it
// was made of and no position names that log: then it is not emptied.
Result<void> Restorer::discard_copy(Work& work) {
  const auto& expected = work.task.expected_log;
  if (work.task.is_kept) return lost(work, "is not what its copy here was made of any more");
  if (work.ends.first.value > 0)
    return lost(work, "begins at offset " + std::to_string(work.ends.first.value) +
                          " and its copy here is of no use");
  if (work.named.incarnation.empty()) return make_copy_anew(work);
  if (!expected.empty() && expected != work.named.incarnation) {
    client_.warn(names(work) + " is incarnation " + printable(expected) +
                 ", as its positions say, and the copy here is of incarnation " +
                 printable(work.named.incarnation) + ": it is made anew");
    return make_copy_anew(work);
  }
  if (work.ends.first == work.ends.end) return another_log(work);
  work.stage = Work::Stage::naming;
  work.start = work.next = work.ends.first;
  return {};
}

Error Restorer::another_log(const Work& work) const {
  return lost(work,
              (work.other.empty() ? "has no name" : "is incarnation " + printable(work.other)) +
                  ", and the copy of its states here, which is what is left of them, is of incarnation " +
                  printable(work.named.incarnation) +
                  ", for the topic was deleted and made anew, or the cluster has lost its topics");
}

Result<void> Restorer::make_copy_anew(Work& work) {
  work.stage = Work::Stage::reading;
  auto place = work.task.copy->place();
  if (!place) return place.error();
  if (*place != LogPlace{})
    if (auto cleared = work.task.copy->clear(); !cleared) return cleared;
  work.task.place = {};
  work.task.name = {};
  work.start = work.next = work.ends.first;
  return {};
}

Result<void> Restorer::begin(const std::vector<Work*>& works) {
  if (!handle_)
    if (auto made = make_reader(); !made) return made;
  const KafkaError error(rd_kafka_incremental_assign(handle_.get(), list_of(works).get()));
  if (error) return client_.failed(*error, "cannot read topic " + printable(topic_));
  for (Work* work : works) work->assigned = true;
  heard_ = Clock::now();
  return {};
}

void Restorer::leave(const std::vector<Work*>& works) {
  std::vector<Work*> assigned;
  std::copy_if(works.begin(), works.end(), std::back_inserter(assigned), [](Work* w) { return w->assigned; });
  if (!assigned.empty())
    const KafkaError ignored(rd_kafka_incremental_unassign(handle_.get(), list_of(assigned).get()));
  for (const Work* work : works) works_.erase(static_cast<std::int32_t>(work->task.partition.value));
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
  refill_.emplace(*handle_, *queue_);
  return {};
}

PartitionList Restorer::list_of(const std::vector<Work*>& works) const {
  auto list = make_list(static_cast<int>(works.size()));
  for (const Work* work : works)
    rd_kafka_topic_partition_list_add(list.get(), client_.name_in_kafka(topic_).c_str(),
                                      static_cast<std::int32_t>(work->task.partition.value))
        ->offset = work->next.value;
  return list;
}

Result<void> Restorer::seek(Work& work) {
  const auto list = list_of({&work});
  // A finite timeout would be taken for a thousandth of it (librdkafka 2.0.2).
  const KafkaError error(rd_kafka_seek_partitions(handle_.get(), list.get(), -1));
  if (error) return client_.failed(*error, "cannot read " + names(work));
  return check_each(*list, "cannot read");
}

// Whether the log is the one that the copy was made of.
Result<void> Restorer::identify(Work& work, const rd_kafka_message_t& message) {
  std::optional<LogName> name;
  if (bytes_of(message.key, message.key_len) == log_name_key)
    name = LogName::read(bytes_of(message.payload, message.len));
  Result<void> good;
  if (work.stage == Work::Stage::naming) {
    work.next = Offset{message.offset + 1};
    if (name && name->incarnation != work.named.incarnation) work.other = name->incarnation;
    if (!name || name->incarnation != work.named.incarnation) return {};
    good = make_copy_anew(work);
  } else if (name && message.offset == work.named.at.value && name->incarnation == work.named.incarnation) {
    work.task.name = *std::move(name);
    continue_copy(work);
  } else {
    good = discard_copy(work);
  }
  return good ? seek(work) : good;
}

Result<void> Restorer::take_record(Work& work, const rd_kafka_message_t& message) {
  const Offset at{message.offset};
  const auto key = bytes_of(message.key, message.key_len);
  if (work.stage != Work::Stage::reading) return identify(work, message);
  if (at < work.next) return {};
  work.next = Offset{message.offset + 1};
  ++work.task.records;
  if (key == log_name_key) {
    work.task.name = LogName::read(bytes_of(message.payload, message.len));
    work.task.place.log = NamedAt{work.task.name.incarnation, at}.text();
    return {};
  }
  work.read.add(key, message.payload ? std::optional(bytes_of(message.payload, message.len)) : std::nullopt);
  return work.read.bytes.size() < batch_bytes_ ? Result<void>() : flush(work);
}

// Copies are written while the next records are read. Once one is stopped, nothing more of it is written.
Result<void> Restorer::flush(Work& work) {
  if (applying_ >= max_applying) writer_.wait();
  work.task.place.next = work.next;
  work.task.place.synced = SystemClock{}.date();
  ++applying_;
  const auto read = std::make_shared<const Read>(std::exchange(work.read, {}));
  writer_.begin([this, read, copy = work.task.copy, place = work.task.place, stop = work.task.stop] {
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

void Restorer::tell_progress() {
  const auto now = Clock::now();
  if (now - told_ < progress_interval) return;
  told_ = now;
  for (auto& [p, work] : works_) tell_progress(work);
}

// If it has moved. What it has to read is known once its copy was checked_inputs at.
void Restorer::tell_progress(Work& work) {
  if (!news_.progress || work.stage != Work::Stage::reading || work.told == work.next) return;
  work.told = work.next;
  news_.progress(work.task.partition, static_cast<std::uint64_t>(work.next.value - work.start.value),
                 static_cast<std::uint64_t>(work.ends.end.value - work.start.value));
}

// Transaction markers are no messages, but they move the consumer's position.
Result<void> Restorer::look_behind_marks() {
  const auto list = unread();
  if (list->cnt == 0 || rd_kafka_position(handle_.get(), list.get())) return {};
  for (int i = 0; i < list->cnt; ++i) {
    Work& work = works_.at(list->elems[i].partition);
    const Offset at{list->elems[i].offset};
    if (work.stage == Work::Stage::naming && std::max(at, work.next) >= work.ends.end)
      return another_log(work);
    if (at <= work.next) continue;
    if (work.stage == Work::Stage::verifying) {  // there is nothing where the name stood
      if (auto checked = discard_copy(work); !checked) return checked;
      if (auto moved = seek(work); !moved) return moved;
    } else {
      work.next = at;
    }
  }
  return {};
}

PartitionList Restorer::unread() const {
  auto list = make_list();
  for (const auto& [p, work] : works_)
    if (!work.done() && work.stage != Work::Stage::waiting)
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
    if (auto checked_inputs = look_behind_marks(); !checked_inputs) return checked_inputs;
    if (is_read() || (!message && patience == 0)) break;
  }
  if (heard) heard_ = Clock::now(), trouble_.clear();
  return check_silence();
}

Result<void> Restorer::take(const rd_kafka_message_t& message) {
  const bool end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && !end) return take_error(message);
  if (!end) refill_->took(1, message.len, [this] { return unread(); });
  const auto at = works_.find(message.partition);
  if (at == works_.end() || at->second.done()) return {};
  Work& work = at->second;
  if (!end) return take_record(work, message);
  if (work.stage != Work::Stage::verifying) work.next = std::max(work.next, Offset{message.offset});
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
  for (const auto& [p, work] : works_)
    if (!work.done() && work.stage != Work::Stage::waiting)
      return Error{ErrorCode::timed_out, "Kafka: " + names(work) + ": nothing comes from offset " +
                                             std::to_string(work.next.value) + " on, and it ends at " +
                                             std::to_string(work.ends.end.value) + trouble_};
  return {};
}

void Restorer::leave_out_stopped() {
  std::vector<Work*> stopped;
  for (auto& [p, work] : works_)
    if (work.task.stop.stop_requested()) stopped.push_back(&work);
  for (const Work* work : stopped) work->task.copy.reset();
  leave(stopped);
}

// Those that are done may go to work, once what was read is in their copies; several together, for each time
// costs a transaction.
Result<void> Restorer::report() {
  if (!(waiting_.empty() && is_read()) && Clock::now() - reported_ < report_interval) return {};
  std::vector<Work*> done;
  for (auto& [p, work] : works_)
    if (work.done()) done.push_back(&work);
  if (done.empty()) return {};
  for (Work* work : done) {
    if (auto checked = check_end(*work); !checked) return checked;
    if (auto flushed = flush(*work); !flushed) return flushed;
  }
  writer_.wait();
  if (auto good = applied(); !good) return good;
  std::vector<Restore> restored;
  for (Work* work : done) {
    tell_progress(*work);
    if (news_.restored) restored.push_back(std::move(work->task));
  }
  leave(done);
  if (news_.restored) news_.restored(std::move(restored));
  reported_ = Clock::now();
  return {};
}

Result<void> Restorer::check_end(const Work& work) const {
  const auto& expected = work.task.expected_log;
  if (expected.empty() || work.task.name.incarnation == expected) return {};
  const auto& now = work.task.name.incarnation;
  return lost(work, (now.empty() ? "has no name" : "is incarnation " + printable(now)) +
                        ", but what was committed is of incarnation " + printable(expected) +
                        ": it was made anew since");
}

Result<void> Restorer::run(std::vector<Restore>& tasks) {
  auto limits = client_.limits_of(topic_);
  if (!limits) return limits.error();
  max_age_ = max_age_of_copies(*limits);
  if (auto found = find_ends(tasks); !found) return found;
  for (leave_out_stopped(); !works_.empty(); leave_out_stopped()) {
    if (auto opened = open_copies(); !opened) return opened;
    tell_progress();
    if (auto good = read(); !good) return good;
    if (auto reported = report(); !reported) return reported;
  }
  return {};
}

}  // namespace

Result<void> restore(Client& client, const std::string& service, std::vector<Restore>& restores,
                     const RestoreNews& news) {
  if (restores.empty()) return {};
  return Restorer(client, service, news).run(restores);
}

}  // namespace eventy::kafka::detail
