#include "restore.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include "changelog_reader.hpp"
#include "eventy/store/rules.hpp"
#include "partition_restore.hpp"
#include "restore_writer.hpp"

namespace eventy::kafka::detail {
namespace {

// Changes in memory before they go into the copies: of one partition, and of all of them.
constexpr std::size_t min_batch_bytes = 32u << 10, max_batch_bytes = 1u << 20, all_batch_bytes = 16u << 20;
constexpr int poll_ms = 10;
constexpr std::chrono::milliseconds turn{20};  // copies are opened for so long, then records are read
constexpr std::chrono::milliseconds min_restored_interval{100};  // between reports of restored partitions
constexpr std::chrono::milliseconds progress_interval{250};      // between reports of progress
constexpr Duration default_retention = std::chrono::hours(24);   // of tombstones, where Kafka does not tell

// An older copy may hold deleted keys whose tombstones are no longer in the log. Less than the log keeps
// tombstones, for the restore itself takes time.
Duration max_age_of_copies(const Client::Limits& log) {
  const Duration kept = log.delete_retention.value_or(default_retention);
  return kept - std::min<Duration>(std::chrono::hours(1), kept / 2);
}

class Restorer {
 public:
  Restorer(RestoreContext context, const RestoreListener& listener)
      : context_(std::move(context)), listener_(listener), reader_(context_.client, context_.topic) {}

  Result<void> run(std::vector<Restore>& restores);

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> find_offsets(std::vector<Restore>& restores);
  Result<void> open_copies();
  Result<void> read();
  Result<void> take(const rd_kafka_message_t& message);
  Result<void> take_error(const rd_kafka_message_t& message);
  Result<void> skip_transaction_markers();
  Result<void> seek_if(Result<PartitionRestore::Then> then, PartitionRestore& task);
  Result<void> check_silence() const;
  void leave_out_stopped();
  void leave_out(const std::vector<PartitionRestore*>& tasks);
  Result<void> report_restored();
  void report_progress();
  void report_progress(PartitionRestore& task);
  bool is_read() const {  // of the partitions whose copies are open
    return std::all_of(tasks_.begin(), tasks_.end(),
                       [](const auto& t) { return t.second.done() || !t.second.is_open(); });
  }
  std::vector<std::int32_t> unread() const;

  RestoreContext context_;
  const RestoreListener& listener_;
  std::map<std::int32_t, PartitionRestore> tasks_ = {};  // by partition; without those that are restored
  std::deque<std::int32_t> waiting_ = {};                // for their copies to be opened
  std::size_t batch_bytes_ = max_batch_bytes;            // of a partition, in memory
  Clock::time_point heard_ = {}, progress_reported_ = {}, restored_reported_ = Clock::now();
  std::string last_error_ = {};  // since a record came
  ChangelogReader reader_;
  RestoreWriter writer_ = {};
};

std::int32_t number_of(const PartitionRestore& task) {
  return static_cast<std::int32_t>(task.restore.partition.value);
}

Result<void> Restorer::run(std::vector<Restore>& restores) {
  auto limits = context_.client.limits_of(context_.topic);
  if (!limits) return limits.error();
  context_.max_age = max_age_of_copies(*limits);
  if (auto found = find_offsets(restores); !found) return found;
  for (leave_out_stopped(); !tasks_.empty(); leave_out_stopped()) {
    if (auto opened = open_copies(); !opened) return opened;
    report_progress();
    if (auto done = read(); !done) return done;
    if (auto reported = report_restored(); !reported) return reported;
  }
  return {};
}

Result<void> Restorer::find_offsets(std::vector<Restore>& restores) {
  Client& client = context_.client;
  std::vector<TopicPartition> places;
  for (const auto& restore : restores)
    places.push_back(
        {client.name_in_kafka(context_.topic), static_cast<std::int32_t>(restore.partition.value)});
  // Open transactions included: reading waits for their decisions.
  auto first = client.list_offsets(places, Client::OffsetSpec::earliest, Isolation::read_uncommitted);
  if (!first) return first.error();
  auto end = client.list_offsets(places, Client::OffsetSpec::latest, Isolation::read_uncommitted);
  if (!end) return end.error();
  for (std::size_t i = 0; i < restores.size(); ++i) {
    tasks_.try_emplace(places[i].partition, context_, restores[i],
                       Client::OffsetRange{(*first)[i], (*end)[i]});
    waiting_.push_back(places[i].partition);
  }
  batch_bytes_ = std::clamp(all_batch_bytes / restores.size(), min_batch_bytes, max_batch_bytes);
  return {};
}

// Opens some of the copies: a disk may be slow, and open partitions need not wait for the last one.
Result<void> Restorer::open_copies() {
  if (waiting_.empty()) return {};
  ChangelogReader::Offsets starts;
  for (const auto until = Clock::now() + turn; !waiting_.empty() && Clock::now() < until;) {
    const auto found = tasks_.find(waiting_.front());
    waiting_.pop_front();
    if (found == tasks_.end()) continue;  // it was stopped
    PartitionRestore& task = found->second;
    if (auto opened = task.open(); !opened) return opened;
    report_progress(task);
    if (!task.done()) starts.emplace_back(number_of(task), task.next);
  }
  if (starts.empty()) return {};
  if (auto added = reader_.add(starts); !added) return added;
  for (const auto& [p, offset] : starts) tasks_.at(p).assigned = true;
  heard_ = Clock::now();
  return {};
}

// --- reading ---

// For a while, or until all open partitions are read.
Result<void> Restorer::read() {
  if (!reader_.is_open()) return {};
  const int timeout_ms = waiting_.empty() ? poll_ms : 0;
  bool heard = false;
  for (const auto until = Clock::now() + turn; Clock::now() < until;) {
    const Message message = reader_.poll(timeout_ms);
    if (message) {
      if (auto done = take(*message); !done) return done;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        heard = true;
        continue;
      }
    }
    if (auto skipped = skip_transaction_markers(); !skipped) return skipped;
    if (is_read() || (!message && timeout_ms == 0)) break;
  }
  if (heard) heard_ = Clock::now(), last_error_.clear();
  return check_silence();
}

Result<void> Restorer::take(const rd_kafka_message_t& message) {
  const bool end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && !end) return take_error(message);
  if (!end) reader_.took(message.len, [this] { return unread(); });
  const auto found = tasks_.find(message.partition);
  if (found == tasks_.end() || found->second.done()) return {};
  PartitionRestore& task = found->second;
  if (end) {
    task.reach(Offset{message.offset});
    return {};
  }
  if (auto done = seek_if(task.take(message), task); !done) return done;
  return task.changes.bytes() < batch_bytes_ ? Result<void>() : writer_.write(task);
}

Result<void> Restorer::seek_if(Result<PartitionRestore::Then> then, PartitionRestore& task) {
  if (!then) return then.error();
  if (*then == PartitionRestore::Then::read_on) return {};
  return reader_.seek(number_of(task), task.next);
}

// librdkafka retries these errors itself; check_silence() ends the restore if they last.
Result<void> Restorer::take_error(const rd_kafka_message_t& message) {
  auto error = context_.client.failed(message, "cannot restore states");
  if (error.code != ErrorCode::timed_out && error.code != ErrorCode::io) return error;
  last_error_ = "; last error: " + error.message;
  return {};
}

// Transaction markers are no messages, but they move the consumer's position.
Result<void> Restorer::skip_transaction_markers() {
  for (const auto& [p, at] : reader_.positions(unread())) {
    PartitionRestore& task = tasks_.at(p);
    if (auto done = seek_if(task.skip_to(at), task); !done) return done;
  }
  return {};
}

std::vector<std::int32_t> Restorer::unread() const {
  std::vector<std::int32_t> partitions;
  for (const auto& [p, task] : tasks_)
    if (!task.done() && task.is_open()) partitions.push_back(p);
  return partitions;
}

Result<void> Restorer::check_silence() const {
  if (Clock::now() - heard_ < context_.client.options().request_timeout) return {};
  for (const auto& [p, task] : tasks_)
    if (!task.done() && task.is_open())
      return Error{ErrorCode::timed_out, "Kafka: " + task.describe() + ": no record arrives from offset " +
                                             std::to_string(task.next.value) + " on, and it ends at " +
                                             std::to_string(task.offsets.end.value) + last_error_};
  return {};
}

// --- partitions that are restored, or taken away ---

void Restorer::leave_out_stopped() {
  std::vector<PartitionRestore*> stopped;
  for (auto& [p, task] : tasks_)
    if (task.restore.stop.stop_requested()) stopped.push_back(&task);
  for (const PartitionRestore* task : stopped) task->restore.copy.reset();
  leave_out(stopped);
}

void Restorer::leave_out(const std::vector<PartitionRestore*>& tasks) {
  std::vector<std::int32_t> all, assigned;
  for (const PartitionRestore* task : tasks) {
    all.push_back(number_of(*task));
    if (task->assigned) assigned.push_back(number_of(*task));
  }
  reader_.remove(assigned);
  for (const auto p : all) tasks_.erase(p);
}

// Partitions are restored once their changes are in the copies. Several are reported together, for each
// report costs a transaction.
Result<void> Restorer::report_restored() {
  if (!(waiting_.empty() && is_read()) && Clock::now() - restored_reported_ < min_restored_interval)
    return {};
  std::vector<PartitionRestore*> done;
  for (auto& [p, task] : tasks_)
    if (task.done()) done.push_back(&task);
  if (done.empty()) return {};
  for (PartitionRestore* task : done) {
    if (auto checked = task->check_end(); !checked) return checked;
    if (auto written = writer_.write(*task); !written) return written;
  }
  if (auto written = writer_.wait(); !written) return written;
  std::vector<Restore> restored;
  for (PartitionRestore* task : done) {
    report_progress(*task);
    if (listener_.restored) restored.push_back(std::move(task->restore));
  }
  leave_out(done);
  if (listener_.restored) listener_.restored(std::move(restored));
  restored_reported_ = Clock::now();
  return {};
}

void Restorer::report_progress() {
  const auto now = Clock::now();
  if (now - progress_reported_ < progress_interval) return;
  progress_reported_ = now;
  for (auto& [p, task] : tasks_) report_progress(task);
}

// If it has moved. The total is known once the copy was checked.
void Restorer::report_progress(PartitionRestore& task) {
  if (!listener_.progress || !task.is_reading() || task.reported == task.next) return;
  task.reported = task.next;
  listener_.progress(task.restore.partition, static_cast<std::uint64_t>(task.next.value - task.start.value),
                     static_cast<std::uint64_t>(task.offsets.end.value - task.start.value));
}

}  // namespace

Result<void> restore(Client& client, const std::string& service, std::vector<Restore>& restores,
                     const RestoreListener& listener) {
  if (restores.empty()) return {};
  return Restorer({client, service, changelog_of(service), {}}, listener).run(restores);
}

}  // namespace eventy::kafka::detail
