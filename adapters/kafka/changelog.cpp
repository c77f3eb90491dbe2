#include "changelog.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "eventy/store/rules.hpp"
#include "eventy/store/worker.hpp"
#include "refill.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::size_t batch_bytes = 1u << 20;  // of a partition, in memory before they go into its copy
constexpr int most_applying = 2;               // batches on their way into copies
constexpr int poll_ms = 10;
constexpr std::chrono::milliseconds progress_interval{250};     // at least, between reports of one partition
constexpr Duration default_retention = std::chrono::hours(24);  // of tombstones, where Kafka does not tell

// A copy that was not brought up to date for so long may hold keys whose end is no longer in the log. Less
// than the log keeps tombstones, for the restore itself takes time.
Duration most_age_of_copies(const Client::Limits& log) {
  const Duration kept = log.delete_retention.value_or(default_retention);
  return kept - std::min<Duration>(std::chrono::hours(1), kept / 2);
}

std::string_view bytes_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

// LogPlace::log of a copy: the incarnation and where in the log its name stands.
std::string place_text(const std::string& incarnation, Offset at) {
  return incarnation + "@" + std::to_string(at.value);
}
struct NamedAt {
  std::string incarnation = {};
  Offset at = {-1};
};
NamedAt read_place(const std::string& text) {
  const auto sign = text.find('@');
  if (sign == text.npos) return {};
  return {text.substr(0, sign), Offset{std::strtoll(text.c_str() + sign + 1, nullptr, 10)}};
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
  NamedAt named = {};  // of the copy; verified before it is continued
  enum class Stage : std::uint8_t { verifying, reading } stage = Stage::reading;
  Read read = {};
  Offset told = {-1};  // where it was when its progress was reported last

  bool done() const { return stage == Stage::reading && next >= ends.end; }
};

class Restorer {
 public:
  Restorer(Client& client, const std::string& service, const RestoreProgress& progress)
      : client_(client), topic_(changelog_of(service)), progress_(progress) {}

  Result<void> run(std::vector<Restore>& tasks);

 private:
  Result<void> find_ends(std::vector<Restore>& tasks);
  Result<void> look_at_copy(Work& work);
  Result<void> begin();
  Result<void> loop();
  Result<void> take(Work& work, const rd_kafka_message_t& message);
  Result<void> verified(Work& work, bool same_log);
  Result<void> seek(Work& work);
  Result<void> flush(Work& work);
  void tell_progress();
  Result<void> look_behind_marks();
  Result<void> check_end(const Work& work) const;
  Result<void> applied();
  PartitionList unread() const;
  Error lost(const Work& work, const std::string& what) const;
  std::string names(const Work& work) const {
    return "topic " + printable(topic_) + " partition " + std::to_string(work.task.partition.value);
  }

  Client& client_;
  std::string topic_;
  const RestoreProgress& progress_;
  Duration most_age_ = {};  // of a copy that is continued
  std::map<std::int32_t, Work> works_ = {};
  Handle handle_ = {};
  Queue queue_ = {};
  std::optional<Refill> refill_ = {};
  std::atomic<int> applying_ = 0;  // batches that the writer has in hand
  std::mutex failure_mutex_ = {};
  std::optional<Error> failure_ = {};  // of the writer
  Worker writer_ = {};                 // the last member: its jobs use the others
};

Error Restorer::lost(const Work& work, const std::string& what) const {
  return {ErrorCode::corrupt,
          names(work) + " " + what +
              ": states that were committed are lost. Bring the topic back, or begin " +
              "the service anew: reset the offsets of its group and delete its changelog and local copies"};
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
  }
  return {};
}

// Where reading begins, and whether the copy may be continued.
Result<void> Restorer::look_at_copy(Work& work) {
  if (!work.task.expected_log.empty() && work.ends.end < work.task.expected_reach)
    return lost(work, "ends at offset " + std::to_string(work.ends.end.value) +
                          ", but it was written up to " + std::to_string(work.task.expected_reach.value));
  auto place = work.task.copy->place();
  if (!place) return place.error();
  work.named = read_place(place->log);
  const bool fits = !place->log.empty() && place->next >= work.ends.first && place->next <= work.ends.end &&
                    work.named.at >= work.ends.first && work.named.at < work.ends.end;
  const bool fresh = place->next == work.ends.end || SystemClock{}.date() - place->synced < most_age_;
  if (fits && (fresh || work.task.is_kept)) {
    work.stage = Work::Stage::verifying;
    work.task.place = *place;
    work.start = work.next = work.named.at;
    return {};
  }
  return verified(work, false);
}

// The copy belongs to this log, or it is made anew.
Result<void> Restorer::verified(Work& work, bool same_log) {
  work.stage = Work::Stage::reading;
  if (same_log) {
    work.start = work.next = work.task.place.next;
    return {};
  }
  if (work.task.is_kept) return lost(work, "is not what its copy here was made of any more");
  if (work.ends.first.value > 0)
    return lost(work, "begins at offset " + std::to_string(work.ends.first.value) +
                          " and its copy here is of no use");
  auto place = work.task.copy->place();
  if (!place) return place.error();
  if (*place != LogPlace{})
    if (auto cleared = work.task.copy->clear(); !cleared) return cleared;
  work.task.place = {};
  work.task.name = {};
  work.start = work.next = work.ends.first;
  return {};
}

Result<void> Restorer::begin() {
  auto conf = client_.reading_conf({{"group.id", client_.options().prefix + "eventy-reader"},
                                    {"fetch.wait.max.ms", "10"},
                                    {"queued.min.messages", "50000"},
                                    {"queued.max.messages.kbytes", "65536"}});
  if (!conf) return conf.error();
  auto handle = Client::make_handle(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return handle.error();
  handle_ = *std::move(handle);
  rd_kafka_poll_set_consumer(handle_.get());
  const auto list = make_list(static_cast<int>(works_.size()));
  for (const auto& [p, work] : works_) {
    if (work.done()) continue;
    rd_kafka_topic_partition_list_add(list.get(), client_.name_in_kafka(topic_).c_str(), p)->offset =
        work.next.value;
  }
  if (const auto code = rd_kafka_assign(handle_.get(), list.get()))
    return client_.failed(code, "cannot read topic " + printable(topic_));
  queue_.reset(rd_kafka_queue_get_consumer(handle_.get()));
  refill_.emplace(*handle_, *queue_);
  return {};
}

Result<void> Restorer::seek(Work& work) {
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), client_.name_in_kafka(topic_).c_str(),
                                    static_cast<std::int32_t>(work.task.partition.value))
      ->offset = work.next.value;
  // A finite timeout would be taken for a thousandth of it (librdkafka 2.0.2).
  const KafkaError error(rd_kafka_seek_partitions(handle_.get(), list.get(), -1));
  if (error) return client_.failed(*error, "cannot read " + names(work));
  return check_each(*list, "cannot read");
}

Result<void> Restorer::take(Work& work, const rd_kafka_message_t& message) {
  const Offset at{message.offset};
  const auto key = bytes_of(message.key, message.key_len);
  if (work.stage == Work::Stage::verifying) {
    const bool same =
        at == work.named.at && key == log_name_key &&
        LogName::read(bytes_of(message.payload, message.len)).incarnation == work.named.incarnation;
    if (same) work.task.name = LogName::read(bytes_of(message.payload, message.len));
    if (auto checked = verified(work, same); !checked) return checked;
    return seek(work);
  }
  if (at < work.next) return {};
  work.next = Offset{message.offset + 1};
  ++work.task.records;
  if (key == log_name_key) {
    work.task.name = LogName::read(bytes_of(message.payload, message.len));
    work.task.place.log = place_text(work.task.name.incarnation, at);
    return {};
  }
  work.read.add(key, message.payload ? std::optional(bytes_of(message.payload, message.len)) : std::nullopt);
  return work.read.bytes.size() < batch_bytes ? Result<void>() : flush(work);
}

// Copies are written while the next records are read.
Result<void> Restorer::flush(Work& work) {
  if (applying_ >= most_applying) writer_.wait();
  work.task.place.next = work.next;
  work.task.place.synced = SystemClock{}.date();
  ++applying_;
  const auto read = std::make_shared<const Read>(std::exchange(work.read, {}));
  writer_.begin([this, read, copy = work.task.copy, place = work.task.place] {
    if (auto done = copy->load(read->views(), place); !done) {
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

// Of those that have moved. What a partition has to read is known once its copy was looked at.
void Restorer::tell_progress() {
  for (auto& [p, work] : works_) {
    if (work.stage == Work::Stage::verifying || work.told == work.next) continue;
    work.told = work.next;
    progress_(work.task.partition, static_cast<std::uint64_t>(work.next.value - work.start.value),
              static_cast<std::uint64_t>(work.ends.end.value - work.start.value));
  }
}

// Marks of transactions are no messages, but they move the consumer's position.
Result<void> Restorer::look_behind_marks() {
  const auto list = unread();
  if (list->cnt == 0 || rd_kafka_position(handle_.get(), list.get())) return {};
  for (int i = 0; i < list->cnt; ++i) {
    Work& work = works_.at(list->elems[i].partition);
    const Offset at{list->elems[i].offset};
    if (at <= work.next) continue;
    if (work.stage == Work::Stage::verifying) {  // there is nothing where the name stood
      if (auto checked = verified(work, false); !checked) return checked;
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
    if (!work.done()) rd_kafka_topic_partition_list_add(list.get(), client_.name_in_kafka(topic_).c_str(), p);
  return list;
}

Result<void> Restorer::loop() {
  auto heard = std::chrono::steady_clock::now(), told = heard;
  std::string trouble;  // since something came
  const auto all_done = [&] {
    return std::all_of(works_.begin(), works_.end(), [](const auto& w) { return w.second.done(); });
  };
  while (!all_done()) {
    const Message message(rd_kafka_consumer_poll(handle_.get(), poll_ms));
    const auto now = std::chrono::steady_clock::now();
    if (now - told >= progress_interval) tell_progress(), told = now;
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      heard = now;
      trouble.clear();
      refill_->took(1, message->len, [this] { return unread(); });
      Work& work = works_.at(message->partition);
      if (work.done()) continue;
      if (auto taken = take(work, *message); !taken) return taken;
      continue;
    }
    if (message && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      const auto error = client_.failed(*message, "cannot restore states");
      if (error.code != ErrorCode::timed_out && error.code != ErrorCode::io) return error;
      trouble = "; last heard: " + error.message;
    } else if (message) {
      Work& work = works_.at(message->partition);
      if (work.stage == Work::Stage::reading) work.next = std::max(work.next, Offset{message->offset});
    }
    if (auto looked = look_behind_marks(); !looked) return looked;
    if (now - heard < client_.options().request_timeout) continue;
    for (const auto& [p, work] : works_)
      if (!work.done())
        return Error{ErrorCode::timed_out, "Kafka: " + names(work) + ": nothing comes from offset " +
                                               std::to_string(work.next.value) + " on, and it ends at " +
                                               std::to_string(work.ends.end.value) + trouble};
  }
  return {};
}

Result<void> Restorer::check_end(const Work& work) const {
  const auto& expected = work.task.expected_log;
  if (expected.empty() || work.task.name.incarnation == expected) return {};
  return lost(work, "was made anew since");
}

Result<void> Restorer::run(std::vector<Restore>& tasks) {
  auto limits = client_.limits_of(topic_);
  if (!limits) return limits.error();
  most_age_ = most_age_of_copies(*limits);
  if (auto found = find_ends(tasks); !found) return found;
  for (auto& [p, work] : works_)
    if (auto looked = look_at_copy(work); !looked) return looked;
  tell_progress();
  const bool all = std::all_of(works_.begin(), works_.end(), [](const auto& w) { return w.second.done(); });
  if (!all) {
    if (auto begun = begin(); !begun) return begun;
    if (auto looped = loop(); !looped) return looped;
  }
  for (auto& [p, work] : works_) {
    if (auto checked = check_end(work); !checked) return checked;
    if (auto flushed = flush(work); !flushed) return flushed;
  }
  writer_.wait();
  tell_progress();
  return applied();
}

}  // namespace

std::string LogName::text() const {
  std::string out = incarnation;
  for (const auto& input : begun) out += "\n" + input;
  return out;
}

LogName LogName::read(std::string_view text) {
  LogName name;
  for (bool first = true; !text.empty(); first = false) {
    const auto line = text.substr(0, text.find('\n'));
    if (first) {
      name.incarnation = line;
    } else if (!line.empty()) {
      name.begun.emplace(line);
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return name;
}

Result<void> restore(Client& client, const std::string& service, std::vector<Restore>& restores,
                     const RestoreProgress& progress) {
  if (restores.empty()) return {};
  return Restorer(client, service, progress).run(restores);
}

std::vector<rd_kafka_message_t>& NamedLog::record() {
  record_.assign(1, {});
  auto& message = record_.front();
  message.key = const_cast<char*>(log_name_key.data()), message.key_len = log_name_key.size();
  message.payload = text_.data(), message.len = text_.size();
  message._private = &behind_;
  return record_;
}

Result<void> NamedLog::note() {
  log_.place.log = place_text(name_.incarnation, Offset{behind_.value - 1});
  log_.place.next = std::max(log_.place.next, behind_);
  log_.place.synced = SystemClock{}.date();
  log_.name = name_;
  return log_.copy->apply({}, log_.place);
}

}  // namespace eventy::kafka::detail
