// A service's session on Kafka: one member of the consumer group `service`, subscribed to the lead topic; the
// same partition numbers of its other inputs are assigned beside it. What is appended is kept in memory until
// the commit, which one thread writes as one transaction; another one restores states.
#include "session.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "batches.hpp"
#include "changelog.hpp"
#include "eventy/core/ids.hpp"
#include "eventy/store/rules.hpp"
#include "eventy/store/worker.hpp"
#include "transaction.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::milliseconds tick{500};  // polls at least so often, or librdkafka leaves the group
constexpr int messages_per_poll = 20'000;

// State of a partition, for as long as the session owns it.
class PartitionState final : public StateReader {
 public:
  PartitionState(std::shared_ptr<const LocalState> copy, std::vector<std::string> keyspaces,
                 std::string service, PartitionId partition)
      : copy_(std::move(copy)),
        keyspaces_(std::move(keyspaces)),
        service_(std::move(service)),
        partition_(partition) {}
  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    if (keyspace.value >= keyspaces_.size())
      return Error{ErrorCode::invalid_argument, "a keyspace that the session did not name"};
    if (gone_)
      return Error{ErrorCode::fenced, "this session of service " + printable(service_) +
                                          " no longer owns partition " + std::to_string(partition_.value)};
    return copy_->get(changelog_key(keyspaces_[keyspace.value], key));
  }
  void end() { gone_ = true; }

 private:
  std::shared_ptr<const LocalState> copy_;
  std::vector<std::string> keyspaces_;
  std::string service_;
  PartitionId partition_;
  std::atomic<bool> gone_ = false;
};

struct Cursor {  // of one topic partition that is read
  Offset read = {}, committed = {};
  Offset end = {-1};  // where the end was seen, if nothing was read since
};

struct Owned {  // a partition from its assignment until its release
  enum class Stage : std::uint8_t { asked, assigned, restored };
  Stage stage = Stage::asked;
  bool leaving = false, paused = false;
  std::shared_ptr<LocalState> copy = {};
  std::shared_ptr<PartitionState> state = {};
  std::map<TopicIndex, Cursor> cursors = {};
};

struct Cycle {
  OutputBuffer outputs = {};
  std::map<std::pair<PartitionId, std::string>, std::optional<std::string>> states =
      {};  // by key in the changelog
  std::map<std::pair<PartitionId, TopicIndex>, Offset> positions = {};
  std::size_t bytes = 0;
};

// The record of an entry, without its place.
void read_entry(const OutputBuffer& outputs, const OutputBuffer::Entry& e, Client::Outgoing& out) {
  out.key = e.has_key ? std::optional(outputs.key(e)) : std::nullopt;
  out.value = outputs.value(e);
  out.headers.clear();
  for (std::uint32_t h = 0; h < e.headers; ++h) {
    const Header header = outputs.header(outputs.headers[e.first_header + h]);
    out.headers.emplace_back(header.name, header.value);
  }
}

class Session final : public StoreSession {
 public:
  Session(std::shared_ptr<Client> client, const SessionOptions& options, SessionShape shape)
      : client_(std::move(client)), options_(options), shape_(std::move(shape)) {}
  ~Session() override { close(); }

  Result<void> start();
  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override;
  void on_ready(std::function<void()> wake) override {
    std::lock_guard lock(wake_mutex_);
    wake_ = std::move(wake);
  }
  void pause(PartitionId partition) override { set_paused(partition, true); }
  void resume(PartitionId partition) override { set_paused(partition, false); }
  Result<void> append(const SliceEffects& effects) override;
  Result<void> write_now(const OutputBuffer& outputs) override;
  Result<void> commit(CycleId cycle) override;
  Result<void> abort() override;
  Result<Outcome> resolve(CycleId cycle) override;
  void release(const std::vector<PartitionId>& partitions) override;
  std::uint32_t partition_count(TopicIndex topic) const override { return shape_.counts.at(topic.value); }
  Result<bool> at_end() override;
  void close() override;

 private:
  struct Flight {
    CycleId cycle = {};
    Cycle effects = {};
    GroupMetadata group = {};
    Landing landing = {};
    std::map<PartitionId, Offset> log_next = {};  // of the changelog
    std::map<PartitionId, std::shared_ptr<LocalState>> copies = {};
    std::atomic<bool> landed = false;
  };
  // An assignment that the workers prepare.
  struct Preparation {
    std::vector<PartitionId> partitions = {};
    std::map<std::pair<PartitionId, TopicIndex>, Cursor> cursors = {};
    std::optional<Error> error = {};
  };

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                           void* self);
  void assigned(const rd_kafka_topic_partition_list_t& list);
  void taken(const rd_kafka_topic_partition_list_t& list);
  std::vector<PartitionId> numbers_of(const rd_kafka_topic_partition_list_t& list) const;
  std::string topic(TopicIndex index) const { return client_->name_in_kafka(options_.topics[index.value]); }
  std::string group() const { return client_->name_in_kafka(options_.service); }
  std::string member() const { return group() + "-" + options_.node; }
  TopicIndex lead() const { return options_.inputs.front(); }

  Result<void> alive() const {
    if (ended_) return *ended_;
    return {};
  }
  Error end(Error error) {
    ended_ = error;
    for (auto& [p, owned] : owned_)
      if (owned.state) owned.state->end();
    return error;
  }
  void wake() {
    std::lock_guard lock(wake_mutex_);
    if (wake_) wake_();
  }
  // What a worker found out is handled in the next poll().
  void post(std::function<void()> news) {
    {
      std::lock_guard lock(news_mutex_);
      news_.push_back(std::move(news));
    }
    wake();
  }

  void prepare(Preparation& preparation);
  void prepared(Preparation& preparation);
  void begin_restore(PartitionId partition);
  Result<void> take_message(const rd_kafka_message_t& message, const PollLimits& limits, bool& full);
  void set_paused(PartitionId partition, bool paused);
  PartitionList list_of(const std::vector<PartitionId>& partitions) const;
  Result<bool> sees_end(const std::string& topic, PartitionId p, Cursor& cursor, Offset end);
  Result<void> rewind();
  Offset next_position(PartitionId partition, TopicIndex input, const Cursor& cursor) const;
  void fly(Flight& flight);
  Result<void> apply_states(Flight& flight);
  void settle();
  std::string mark(CycleId cycle) const {
    return "cycle=" + run_ + "-" + std::to_string(cycle.value) + " by=" + member();
  }

  std::shared_ptr<Client> client_;
  SessionOptions options_;
  SessionShape shape_;
  std::string run_ = random_uuid().substr(0, 13);  // of this session; with a cycle's number unique
  std::optional<Error> ended_ = {};
  bool closed_ = false;

  std::map<PartitionId, Owned> owned_ = {};
  std::map<std::string, TopicIndex, std::less<>> inputs_by_name_ = {};
  std::uint64_t epoch_ = 0;
  std::vector<StoreEvent> events_ = {};
  std::map<std::pair<TopicIndex, PartitionId>, BatchBuilder> batches_ = {};
  Message held_ = {};  // did not fit into the last poll

  Cycle open_ = {};
  std::unique_ptr<Flight> flight_ = {};
  std::optional<Result<StoreEvent>> outcome_ = {};

  std::mutex wake_mutex_ = {};
  std::function<void()> wake_ = {};
  std::mutex news_mutex_ = {};
  std::vector<std::function<void()>> news_ = {};

  std::unique_ptr<Transaction> transaction_ = {};  // the committer's
  Handle consumer_ = {};
  Queue queue_ = {};
  std::mutex ticks_mutex_ = {};
  std::condition_variable ticks_changed_ = {};
  bool ticks_end_ = false;
  std::optional<Worker> committer_ = {}, restorer_ = {};
  std::thread ticker_ = {};
};

// --- start and end ---

Result<void> Session::start() {
  for (const TopicIndex input : shape_.inputs) inputs_by_name_[topic(input)] = input;
  if (!options_.keyspaces.empty()) {
    auto made = client_->ensure({{changelog_of(options_.service), shape_.partitions}}, Cleanup::compact);
    if (!made) return made;
  }
  // First of all, so that nothing of a predecessor is open any more when positions are read.
  auto transaction = Transaction::open(*client_, member() + "-0");
  if (!transaction) return transaction.error();
  transaction_ = *std::move(transaction);

  const auto session_ms = client_->options().session_timeout.count();
  auto conf = client_->reading_conf(
      {{"group.id", group()},
       {"group.instance.id", member()},
       {"session.timeout.ms", std::to_string(session_ms)},
       {"heartbeat.interval.ms", std::to_string(std::max<std::int64_t>(session_ms / 4, 100))},
       {"partition.assignment.strategy", "cooperative-sticky"},
       {"queued.min.messages", "100000"}});
  if (!conf) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_rebalance_cb(conf->get(), on_rebalance);
  auto consumer = Client::make_handle(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!consumer) return consumer.error();
  consumer_ = *std::move(consumer);
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  rd_kafka_queue_cb_event_enable(
      queue_.get(), [](rd_kafka_t*, void* self) { static_cast<Session*>(self)->wake(); }, this);
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), topic(lead()).c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(consumer_.get(), list.get()))
    return error_of(code, "cannot subscribe");
  committer_.emplace();
  restorer_.emplace();
  ticker_ = std::thread([this] {
    std::unique_lock lock(ticks_mutex_);
    while (!ticks_changed_.wait_for(lock, tick, [this] { return ticks_end_; })) wake();
  });
  return {};
}

void Session::close() {
  if (std::exchange(closed_, true)) return;
  if (!ended_)
    (void)end({ErrorCode::closed, "the session of service " + printable(options_.service) + " was closed"});
  on_ready(nullptr);
  if (ticker_.joinable()) {
    {
      std::lock_guard lock(ticks_mutex_);
      ticks_end_ = true;
    }
    ticks_changed_.notify_all();
    ticker_.join();
  }
  restorer_.reset();
  committer_.reset();
  held_.reset();
  if (consumer_) {
    if (queue_) rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
    queue_.reset();
    rd_kafka_consumer_close(consumer_.get());
    consumer_.reset();
  }
  transaction_.reset();
}

// --- assignments ---

void Session::on_rebalance(rd_kafka_t* consumer, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* list, void* opaque) {
  auto* self = static_cast<Session*>(opaque);
  if (self->closed_ || self->ended_) {
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      const KafkaError ignored(rd_kafka_incremental_assign(consumer, list));
    } else {
      rd_kafka_assign(consumer, nullptr);
    }
  } else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    self->assigned(*list);
  } else {
    self->taken(*list);
  }
}

// The service's partitions behind partitions of the lead topic: where another input has more of them, its
// further ones go with their number modulo the lead's count.
std::vector<PartitionId> Session::numbers_of(const rd_kafka_topic_partition_list_t& list) const {
  std::vector<PartitionId> numbers;
  const std::uint32_t leads = shape_.counts[lead().value];
  for (int i = 0; i < list.cnt; ++i) {
    for (auto p = static_cast<std::uint32_t>(list.elems[i].partition); p < shape_.partitions; p += leads)
      numbers.push_back(PartitionId{p});
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

PartitionList Session::list_of(const std::vector<PartitionId>& partitions) const {
  auto list = make_list();
  for (const PartitionId p : partitions) {
    const auto owned = owned_.find(p);
    for (const TopicIndex input : shape_.inputs) {
      if (p.value >= shape_.counts[input.value]) continue;
      auto* at = rd_kafka_topic_partition_list_add(list.get(), topic(input).c_str(),
                                                   static_cast<std::int32_t>(p.value));
      if (owned == owned_.end()) continue;
      if (const auto c = owned->second.cursors.find(input); c != owned->second.cursors.end())
        at->offset = c->second.committed.value;
    }
  }
  return list;
}

// The assignment itself is answered in prepared(), once its positions are known.
void Session::assigned(const rd_kafka_topic_partition_list_t& list) {
  auto preparation = std::make_shared<Preparation>();
  preparation->partitions = numbers_of(list);
  for (const PartitionId p : preparation->partitions) owned_[p] = {};
  restorer_->begin([this, preparation] {
    prepare(*preparation);
    post([this, preparation] { prepared(*preparation); });
  });
}

// A worker's. Where each input goes on: at the committed position, or at the beginning where the service has
// never been.
void Session::prepare(Preparation& preparation) {
  std::vector<TopicPartition> places;
  std::vector<std::pair<PartitionId, TopicIndex>> keys;
  for (const PartitionId p : preparation.partitions) {
    for (const TopicIndex input : shape_.inputs) {
      if (p.value >= shape_.counts[input.value]) continue;
      places.push_back({topic(input), static_cast<std::int32_t>(p.value)});
      keys.emplace_back(p, input);
    }
  }
  auto committed = client_->committed(group(), places);
  if (!committed) {
    preparation.error = committed.error();
    return;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& [p, input] = keys[i];
    auto ends = client_->ends_of(options_.topics[input.value], p, Isolation::read_uncommitted);
    if (!ends) {
      preparation.error = ends.error();
      return;
    }
    const Offset next = committed->at(i).next.value_or(ends->first);
    if (next < ends->first || next > ends->end) {
      preparation.error =
          Error{ErrorCode::corrupt,
                "service " + printable(options_.service) + " has read topic " +
                    printable(options_.topics[input.value]) + " partition " + std::to_string(p.value) +
                    " up to offset " + std::to_string(next.value) + ", but it holds " +
                    std::to_string(ends->first.value) + " to " + std::to_string(ends->end.value) +
                    ": records expired or the topic was replaced"};
      return;
    }
    preparation.cursors[{p, input}] = Cursor{.read = next, .committed = next};
  }
}

void Session::prepared(Preparation& preparation) {
  if (preparation.error) {
    (void)end(*preparation.error);
    return;
  }
  std::vector<PartitionId> still;
  for (const PartitionId p : preparation.partitions) {
    const auto it = owned_.find(p);
    if (it == owned_.end() || it->second.leaving) continue;
    still.push_back(p);
    it->second.stage = Owned::Stage::assigned;
    for (const auto& [key, cursor] : preparation.cursors)
      if (key.first == p) it->second.cursors[key.second] = cursor;
  }
  const auto list = list_of(still);
  const KafkaError error(rd_kafka_incremental_assign(consumer_.get(), list.get()));
  if (error) {
    (void)end(error_of(*error, "cannot take over partitions"));
    return;
  }
  rd_kafka_pause_partitions(consumer_.get(), list.get());  // until their states are restored
  if (still.empty()) return;
  events_.push_back(Assigned{Epoch{++epoch_}, still});
  for (const PartitionId p : still) begin_restore(p);
}

void Session::begin_restore(PartitionId partition) {
  restorer_->begin([this, partition] {
    auto copy = client_->options().local_state(client_->name_in_kafka(options_.service), partition);
    std::shared_ptr<LocalState> shared;
    std::optional<Error> failed;
    if (!copy) {
      failed = copy.error();
    } else {
      shared = *std::move(copy);
      if (!options_.keyspaces.empty()) {
        auto restored = restore(*client_, options_.service, partition, *shared,
                                [this, partition](std::uint64_t done, std::uint64_t total) {
                                  post([this, partition, done, total] {
                                    if (owned_.contains(partition))
                                      events_.push_back(Restoring{partition, done, total});
                                  });
                                });
        if (!restored) failed = restored.error();
      }
    }
    post([this, partition, shared, failed] {
      if (failed) {
        (void)end(*failed);
        return;
      }
      const auto it = owned_.find(partition);
      if (it == owned_.end() || it->second.leaving || it->second.stage != Owned::Stage::assigned) return;
      Owned& owned = it->second;
      owned.copy = shared;
      owned.state = std::make_shared<PartitionState>(shared, options_.keyspaces, options_.service, partition);
      owned.stage = Owned::Stage::restored;
      events_.push_back(Restored{partition, owned.state});
      if (!owned.paused) rd_kafka_resume_partitions(consumer_.get(), list_of({partition}).get());
    });
  });
}

void Session::taken(const rd_kafka_topic_partition_list_t& list) {
  const bool lost = rd_kafka_assignment_lost(consumer_.get());
  std::vector<PartitionId> known, unknown;
  for (const PartitionId p : numbers_of(list)) {
    const auto it = owned_.find(p);
    if (it == owned_.end()) continue;
    if (lost && it->second.state) it->second.state->end();
    it->second.leaving = true;
    (it->second.stage == Owned::Stage::asked ? unknown : known).push_back(p);
  }
  for (const PartitionId p : unknown) owned_.erase(p);
  if (known.empty()) {  // nobody was told of them
    const KafkaError ignored(rd_kafka_incremental_unassign(consumer_.get(), &list));
    return;
  }
  if (lost) {
    events_.push_back(Lost{known});
  } else {
    events_.push_back(Revoked{known});
  }
}

void Session::release(const std::vector<PartitionId>& partitions) {
  if (ended_) return;
  const KafkaError ignored(rd_kafka_incremental_unassign(consumer_.get(), list_of(partitions).get()));
  for (const PartitionId p : partitions) {
    const auto it = owned_.find(p);
    if (it == owned_.end()) continue;
    if (it->second.state) it->second.state->end();
    owned_.erase(it);
  }
}

void Session::set_paused(PartitionId partition, bool paused) {
  const auto it = owned_.find(partition);
  if (ended_ || it == owned_.end() || std::exchange(it->second.paused, paused) == paused) return;
  if (it->second.stage != Owned::Stage::restored) return;  // paused anyway
  const auto list = list_of({partition});
  for (int i = 0; i < list->cnt; ++i) {  // goes on behind what was read, wherever librdkafka's queue is
    const auto& cursor = it->second.cursors.at(inputs_by_name_.at(list->elems[i].topic));
    list->elems[i].offset = cursor.read.value;
  }
  if (paused) {
    rd_kafka_pause_partitions(consumer_.get(), list.get());
  } else {
    rd_kafka_resume_partitions(consumer_.get(), list.get());
  }
}

// --- reading ---

Result<std::vector<StoreEvent>> Session::poll(const PollLimits& limits) {
  std::vector<std::function<void()>> news;
  {
    std::lock_guard lock(news_mutex_);
    news.swap(news_);
  }
  for (const auto& tell : news)
    if (!ended_) tell();
  if (auto good = alive(); !good) return good.error();
  settle();
  std::vector<StoreEvent> events;
  if (outcome_) {
    auto outcome = *std::exchange(outcome_, {});
    if (!outcome) return end(outcome.error());
    if (std::holds_alternative<Aborted>(*outcome)) {
      open_ = {};  // what was appended since shares its fate
      if (auto back = rewind(); !back) return end(back.error());
    }
    events.push_back(*std::move(outcome));
  }
  bool full = false;
  for (int i = 0; i < messages_per_poll && !full; ++i) {
    Message message = held_ ? std::move(held_) : Message(rd_kafka_consumer_poll(consumer_.get(), 0));
    if (!message) break;
    held_ = std::move(message);
    if (auto taken = take_message(*held_, limits, full); !taken) return end(taken.error());
    if (!full) held_.reset();
  }
  std::move(events_.begin(), events_.end(), std::back_inserter(events));
  events_.clear();
  for (auto& [place, batch] : batches_) events.push_back(Records{batch.finish()});
  batches_.clear();
  return events;
}

// `full`: it does not fit into this poll.
Result<void> Session::take_message(const rd_kafka_message_t& message, const PollLimits& limits, bool& full) {
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
    char text[512];
    const auto code = rd_kafka_fatal_error(consumer_.get(), text, sizeof text);
    return error_of(code, "the session of service " + printable(options_.service) + " is over", text);
  }
  const auto input =
      message.rkt ? inputs_by_name_.find(rd_kafka_topic_name(message.rkt)) : inputs_by_name_.end();
  const PartitionId p{static_cast<std::uint32_t>(message.partition)};
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    const auto error = error_of(message.err, "service " + printable(options_.service) + " cannot read",
                                rd_kafka_message_errstr(&message));
    // What librdkafka goes on trying by itself is no end.
    if (error.code == ErrorCode::timed_out || error.code == ErrorCode::io) return {};
    return error;
  }
  if (input == inputs_by_name_.end()) return {};
  const auto owned = owned_.find(p);
  if (owned == owned_.end() || owned->second.leaving || owned->second.stage != Owned::Stage::restored)
    return {};
  const auto at = owned->second.cursors.find(input->second);
  if (at == owned->second.cursors.end()) return {};
  Cursor& cursor = at->second;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    cursor.end = std::max(cursor.end, Offset{message.offset});
    return {};
  }
  if (message.offset < cursor.read.value) return {};  // from before a seek
  auto& batch = batches_.try_emplace({input->second, p}, input->second, p).first->second;
  full = batch.records() > 0 && (batch.records() >= limits.max_records_per_batch ||
                                 batch.bytes() + message.len > limits.max_bytes_per_batch);
  if (full) return {};
  batch.add(message);
  cursor.read = Offset{message.offset + 1};
  cursor.end = Offset{-1};
  return {};
}

Result<void> Session::rewind() {
  held_.reset();
  batches_.clear();
  std::vector<PartitionId> ours;
  for (auto& [p, owned] : owned_) {
    if (owned.stage == Owned::Stage::asked || owned.leaving) continue;
    ours.push_back(p);
    for (auto& [input, cursor] : owned.cursors) cursor.read = cursor.committed, cursor.end = Offset{-1};
  }
  if (ours.empty()) return {};
  const auto list = list_of(ours);
  // A finite timeout would be taken for a thousandth of it (librdkafka 2.0.2).
  const KafkaError error(rd_kafka_seek_partitions(consumer_.get(), list.get(), -1));
  if (error) return error_of(*error, "cannot go back to the committed positions");
  return {};
}

Result<bool> Session::at_end() {
  if (auto good = alive(); !good) return good.error();
  for (const auto& [p, owned] : owned_) {
    if (owned.leaving) continue;
    if (owned.stage != Owned::Stage::restored) return false;
    for (const auto& [input, cursor] : owned.cursors)
      if (cursor.committed < cursor.read) return false;
  }
  std::vector<TopicPartition> places;
  std::vector<std::pair<PartitionId, TopicIndex>> keys;
  for (const auto& [p, owned] : owned_) {
    for (const auto& [input, cursor] : owned.cursors) {
      places.push_back({topic(input), static_cast<std::int32_t>(p.value)});
      keys.emplace_back(p, input);
    }
  }
  // What another service has just committed may not be readable yet: it counts, decided or not.
  auto ends = client_->latest(places, Isolation::read_uncommitted);
  if (!ends) return ends.error();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& [p, input] = keys[i];
    auto end = sees_end(options_.topics[input.value], p, owned_.at(p).cursors.at(input), (*ends)[i]);
    if (!end) return end.error();
    if (!*end) return false;
  }
  return true;
}

// Whether nothing but marks of transactions is between what was read and the end.
Result<bool> Session::sees_end(const std::string& topic, PartitionId p, Cursor& cursor, Offset end) {
  if (std::max(cursor.end, cursor.read) >= end) return true;
  // librdkafka tells of an end once, and not again after a pause: look for ourselves.
  auto reader = PartitionReader::open(*client_, topic, p, cursor.read);
  if (!reader) return reader.error();
  bool more = false;
  auto read = (*reader)->read_to(end, [&](const rd_kafka_message_t&) { return !(more = true); });
  if (!read) return read.error();
  if (!more) cursor.end = (*reader)->next();
  return !more;
}

// --- writing ---

Result<void> Session::append(const SliceEffects& effects) {
  if (auto good = alive(); !good) return good;
  if (auto checked = check_effects(effects, options_, shape_); !checked) return checked;
  const auto it = owned_.find(effects.partition);
  if (it == owned_.end() || it->second.stage != Owned::Stage::restored)
    return Error{ErrorCode::invalid_argument, "partition " + std::to_string(effects.partition.value) +
                                                  " is not assigned to this session of service " +
                                                  printable(options_.service)};
  std::size_t bytes = effects.outputs.bytes.size();
  for (const auto& change : effects.state)
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  if (open_.bytes + bytes > client_->options().max_cycle_size)
    return Error{ErrorCode::too_large,
                 "a commit cycle of " + std::to_string(open_.bytes + bytes) + " bytes: at most " +
                     std::to_string(client_->options().max_cycle_size) + " are allowed"};
  for (const auto& position : effects.positions) {
    if (position.next <= it->second.cursors.at(position.topic).read) continue;
    auto ends = client_->ends_of(options_.topics[position.topic.value], effects.partition,
                                 Isolation::read_uncommitted);
    if (!ends) return ends.error();
    if (position.next > ends->end)
      return Error{ErrorCode::invalid_argument, "a position behind the end of its topic"};
  }
  // A cycle without any position would not be fenced.
  for (const auto& [input, cursor] : it->second.cursors)
    open_.positions.try_emplace({effects.partition, input}, next_position(effects.partition, input, cursor));
  for (const auto& position : effects.positions)
    open_.positions[{effects.partition, position.topic}] = position.next;
  for (const auto& change : effects.state)
    open_.states[{effects.partition, changelog_key(options_.keyspaces[change.keyspace.value], change.key)}] =
        change.value;
  open_.outputs.append(effects.outputs, {});
  open_.bytes += bytes;
  return {};
}

// Where a service stands once the cycle in flight is committed.
Offset Session::next_position(PartitionId partition, TopicIndex input, const Cursor& cursor) const {
  if (flight_) {
    const auto& flying = flight_->effects.positions;
    if (const auto it = flying.find({partition, input}); it != flying.end()) return it->second;
  }
  return cursor.committed;
}

Result<void> Session::write_now(const OutputBuffer& outputs) {
  if (auto good = alive(); !good) return good;
  if (auto checked = check_outputs(outputs, options_, shape_); !checked) return checked;
  std::vector<Client::Outgoing> records;
  for (const auto& e : outputs.entries) {
    auto& out = records.emplace_back();
    out.to = {topic(e.topic), static_cast<std::int32_t>(e.partition.value)};
    read_entry(outputs, e, out);
  }
  auto written = client_->write(records);
  if (!written) return written.error();
  return {};
}

Result<void> Session::commit(CycleId cycle) {
  if (auto good = alive(); !good) return good;
  if (flight_ || outcome_)
    return Error{ErrorCode::invalid_argument, "commit: the last cycle's outcome was not polled yet"};
  flight_ = std::make_unique<Flight>();
  flight_->cycle = cycle;
  std::swap(flight_->effects, open_);
  if (rd_kafka_assignment_lost(consumer_.get())) {
    flight_->landing = {Landing::How::aborted, {ErrorCode::fenced, "the partitions were lost"}};
    flight_->landed = true;
    wake();
    return {};
  }
  // Of the generation that these partitions were owned in: rebalances are served by this thread alone.
  flight_->group.reset(rd_kafka_consumer_group_metadata(consumer_.get()));
  for (const auto& [place, value] : flight_->effects.states)
    flight_->copies[place.first] = owned_.at(place.first).copy;
  committer_->begin([this, flight = flight_.get()] {
    fly(*flight);
    flight->landed = true;
    wake();
  });
  return {};
}

// The committer's.
void Session::fly(Flight& flight) {
  const Cycle& c = flight.effects;
  if (c.positions.empty() && c.outputs.empty() && c.states.empty()) return;
  const auto fail = [&](const Error& error) { flight.landing = {Landing::How::failed, error}; };
  if (auto begun = transaction_->begin(); !begun) return fail(begun.error());
  Result<void> added;
  std::map<std::pair<TopicIndex, PartitionId>, TopicPartition> places;
  Client::Outgoing out;
  for (const auto& e : c.outputs.entries) {
    auto [place, fresh] = places.try_emplace({e.topic, e.partition});
    if (fresh) place->second = {topic(e.topic), static_cast<std::int32_t>(e.partition.value)};
    out.to = place->second;
    read_entry(c.outputs, e, out);
    if (added = transaction_->add(out); !added) break;
  }
  out = {};
  out.to.topic = client_->name_in_kafka(changelog_of(options_.service));
  for (const auto& [place, value] : c.states) {
    if (!added) break;
    out.to.partition = static_cast<std::int32_t>(place.first.value);
    out.key = place.second;
    out.value = value ? std::optional<std::string_view>(*value) : std::nullopt;
    added = transaction_->add(out, &flight.log_next[place.first]);
  }
  if (!added) {
    flight.landing = transaction_->abort(added.error());
    return;
  }
  const auto list = make_list(static_cast<int>(c.positions.size()));
  const std::string text = mark(flight.cycle);
  for (const auto& [place, next] : c.positions) {
    auto* at = rd_kafka_topic_partition_list_add(list.get(), topic(place.second).c_str(),
                                                 static_cast<std::int32_t>(place.first.value));
    at->offset = next.value;
    at->metadata = std::malloc(text.size());  // librdkafka frees it
    std::copy(text.begin(), text.end(), static_cast<char*>(at->metadata));
    at->metadata_size = text.size();
  }
  flight.landing = transaction_->commit(list.get(), flight.group.get());
  if (flight.landing.how != Landing::How::committed) return;
  if (auto applied = apply_states(flight); !applied) fail(applied.error());
}

// After the commit, so that a copy is never ahead of its log. Each partition's changes and its place in the
// log together.
Result<void> Session::apply_states(Flight& flight) {
  std::map<PartitionId, std::vector<LocalState::Change>> changes;
  for (const auto& [place, value] : flight.effects.states)
    changes[place.first].emplace_back(place.second,
                                      value ? std::optional<std::string_view>(*value) : std::nullopt);
  for (const auto& [p, list] : changes) {
    if (auto applied = flight.copies.at(p)->apply(list, LogPlace{.next = flight.log_next[p]}); !applied)
      return applied;
  }
  return {};
}

void Session::settle() {
  if (!flight_ || !flight_->landed || outcome_) return;
  committer_->wait();
  const CycleId cycle = flight_->cycle;
  const Landing& landing = flight_->landing;
  switch (landing.how) {
    case Landing::How::committed:
      for (const auto& [place, next] : flight_->effects.positions) {
        const auto it = owned_.find(place.first);
        if (it != owned_.end()) it->second.cursors[place.second].committed = next;
      }
      outcome_ = StoreEvent(Committed{cycle});
      break;
    case Landing::How::aborted:
      outcome_ = StoreEvent(Aborted{cycle, landing.error});
      break;
    case Landing::How::unknown:
      outcome_ = StoreEvent(UnknownOutcome{cycle, landing.error});
      return;  // the flight is needed by resolve()
    case Landing::How::failed:
      outcome_ = landing.error;
      break;
  }
  flight_.reset();
}

Result<void> Session::abort() {
  if (auto good = alive(); !good) return good;
  if (flight_) committer_->wait(), settle();  // a commit that was begun is not undone
  open_ = {};
  auto back = rewind();
  wake();
  return back;
}

// A new producer of the same id ends what the old one left open; then the committed positions tell.
Result<Outcome> Session::resolve(CycleId cycle) {
  if (auto good = alive(); !good) return good.error();
  if (!flight_ || flight_->cycle != cycle || flight_->landing.how != Landing::How::unknown)
    return Error{ErrorCode::invalid_argument,
                 "resolve: cycle " + std::to_string(cycle.value) + " has no unknown outcome"};
  transaction_.reset();
  auto transaction = Transaction::open(*client_, member() + "-0");
  if (!transaction) return end(transaction.error());
  transaction_ = *std::move(transaction);
  const auto& [place, next] = *flight_->effects.positions.begin();
  auto found =
      client_->committed(group(), {{topic(place.second), static_cast<std::int32_t>(place.first.value)}});
  if (!found) return end(found.error());
  const bool committed = found->at(0).metadata == mark(cycle);
  const auto flight = std::move(flight_);
  if (!committed) {
    open_ = {};
    if (auto back = rewind(); !back) return end(back.error());
    return Outcome::aborted;
  }
  for (const auto& [at, offset] : flight->effects.positions) {
    const auto it = owned_.find(at.first);
    if (it == owned_.end()) continue;
    it->second.cursors[at.second].committed = offset;
    auto restored = restore(*client_, options_.service, at.first, *it->second.copy, [](auto, auto) {});
    if (!restored) return end(restored.error());
  }
  return Outcome::committed;
}

}  // namespace

Result<std::unique_ptr<StoreSession>> make_session(std::shared_ptr<Client> client,
                                                   const SessionOptions& options) {
  if (auto fresh = client->topics(); !fresh) return fresh.error();
  std::optional<Error> failed;
  auto shape = check_session(options, [&](const std::string& name) -> std::optional<std::uint32_t> {
    auto count = client->partitions_of(name);
    if (!count) failed = count.error();
    return count ? *count : std::nullopt;
  });
  if (failed) return *failed;
  if (!shape) return shape.error();
  auto session = std::make_unique<Session>(std::move(client), options, *std::move(shape));
  if (auto started = session->start(); !started) return started.error();
  return std::unique_ptr<StoreSession>(std::move(session));
}

}  // namespace eventy::kafka::detail
