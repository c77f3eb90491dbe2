// A service's session on Kafka: Inputs reads, Cycles writes, Takeover prepares what was assigned; this file
// is where they meet, on the thread that owns the session.
#include "session.hpp"

#include <algorithm>
#include <deque>
#include <stop_token>

#include "copy_reader.hpp"
#include "cycle_writer.hpp"
#include "eventy/store/worker.hpp"
#include "group.hpp"
#include "inputs.hpp"
#include "monitor.hpp"
#include "takeover.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::milliseconds tick{500};  // polls at least so often, or librdkafka leaves the group

class Session final : public StoreSession {
 public:
  explicit Session(SessionIdentity identity)
      : identity_(std::move(identity)),
        inputs_(identity_,
                {[this] { wake(); }, [this](std::vector<PartitionId> p) { assigned(std::move(p)); },
                 [this](std::vector<PartitionId> p, Removal how) { removed(std::move(p), how); }}),
        cycle_writer_(identity_, inputs_, [this] { wake(); }),
        monitor_(identity_, inputs_,
                 {[this](std::function<void()> news) { post(std::move(news)); },
                  [this](const Error& error) { (void)end(error); },
                  [this](const std::vector<InputCheck>& checks) { checked_inputs(checks); },
                  [this](std::size_t count) { mend_group(count); }}) {}
  ~Session() override { close(); }

  Result<void> start();
  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override;
  void on_ready(std::function<void()> wake) override {
    std::lock_guard lock(wake_mutex_);
    wake_ = std::move(wake);
  }
  void pause(PartitionId partition) override { set_paused(partition, true); }
  void resume(PartitionId partition) override { set_paused(partition, false); }
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    if (auto good = alive(); !good) return good;
    return cycle_writer_.append(std::move(slice));
  }
  Result<void> write_now(const OutputBuffer& outputs) override;
  Result<void> commit(CycleId cycle) override {
    if (auto good = alive(); !good) return good;
    return cycle_writer_.commit(cycle);
  }
  Result<void> abort() override;
  Result<Outcome> resolve(CycleId cycle) override;
  void release(const std::vector<PartitionId>& partitions) override;
  std::size_t max_record_size(TopicIndex topic) const override;
  bool needs_keys(TopicIndex topic) const override {
    return identity_.limits.at(topic.value).is_compacted.value_or(false);
  }
  std::size_t max_state_size() const override;
  std::size_t max_cycle_size() const override { return client().options().max_cycle_size; }
  std::uint32_t partition_count(TopicIndex topic) const override {
    return identity_.shape.counts.at(topic.value);
  }
  Result<bool> at_end() override;
  void close() override;

 private:
  Client& client() const { return *identity_.client; }
  std::string service() const { return "service " + printable(identity_.options.service); }
  Result<void> alive() const {
    if (ended_) return *ended_;
    return {};
  }
  Error end(Error error);
  void notice_standstill();
  void wake() {
    std::lock_guard lock(wake_mutex_);
    if (wake_) wake_();
  }
  // What a worker found out is handled in the next poll().
  void post(std::function<void()> news);
  Result<void> handle_findings();
  void set_paused(PartitionId partition, bool paused) {
    if (!ended_) inputs_.set_paused(partition, paused);
  }

  void assigned(std::vector<PartitionId> partitions);
  void removed(std::vector<PartitionId> partitions, Removal how);
  void positions_found(const std::shared_ptr<Takeover>& takeover, const Result<void>& result);
  void begin_restore(const std::shared_ptr<Takeover>& takeover);
  void part_is_restored(std::shared_ptr<Takeover> part);
  void commit_next_ownership();
  void commit_ownership(const std::shared_ptr<Takeover>& part);
  // Null: the partition has gone since, or has come back for another takeover.
  OwnedPartition* awaits(PartitionId partition, const Takeover& takeover) {
    OwnedPartition* owned = inputs_.find(partition);
    return owned && !owned->leaving && owned->takeover == takeover.number ? owned : nullptr;
  }
  void restored(const Takeover& part);

  void checked_inputs(const std::vector<InputCheck>& checks);
  void mend_group(std::size_t without_owner);

  SessionIdentity identity_;
  std::optional<Error> ended_ = {};
  bool closed_ = false;
  std::chrono::steady_clock::time_point polled_ = std::chrono::steady_clock::now();
  bool was_assigned_ = false;
  bool was_away_ = false;  // from the group, for longer than its session lasts
  std::uint64_t epoch_ = 0, takeovers_ = 0;
  std::vector<StoreEvent> events_ = {};

  std::mutex wake_mutex_ = {};
  std::function<void()> wake_ = {};
  std::mutex news_mutex_ = {};
  std::vector<std::function<void()>> findings_ = {};

  Inputs inputs_;
  CycleWriter cycle_writer_;
  Monitor monitor_;
  std::mutex ticks_mutex_ = {};
  std::condition_variable ticks_changed_ = {};
  bool ticks_end_ = false;
  std::deque<std::shared_ptr<Takeover>> awaiting_ownership_ = {};  // parts of takeovers
  bool committing_ownership_ = false;
  std::stop_source ending_ = {};                    // of what the preparer does
  std::map<std::uint64_t, Worker> restorers_ = {};  // by the numbers of their takeovers
  std::optional<Worker> preparer_ = {};
  std::thread ticker_ = {};
};

// --- start and end ---

Result<void> Session::start() {
  auto made = client().ensure({{changelog_of(identity_.options.service), identity_.shape.partitions}},
                              Cleanup::compact);
  if (!made) return made;
  if (auto found = cycle_writer_.find_limits(); !found) return found;
  // A group that cannot be asked now will tell why when it is joined.
  if (const auto now = membership_of(client(), identity_.group()); now && !now->foreign.empty())
    return foreign_members(identity_.group(), *now);
  if (auto joined = inputs_.join(); !joined) return joined;
  preparer_.emplace();
  ticker_ = std::thread([this] {
    std::unique_lock lock(ticks_mutex_);
    while (!ticks_changed_.wait_for(lock, tick, [this] { return ticks_end_; })) wake();
  });
  return {};
}

void Session::notice_standstill() {
  const auto now = std::chrono::steady_clock::now();
  if (now - polled_ > client().options().session_timeout) was_away_ = true;
  polled_ = now;
}

// A node that stood still or was cut off is fenced by those that took over its partitions. That is not the
// work of a duplicate, which the group would have told of.
Error Session::end(Error error) {
  notice_standstill();
  if (error.code == ErrorCode::fenced && was_away_ && !inputs_.is_replaced())
    error = {ErrorCode::timed_out,
             service() +
                 " was away from its group for longer than session_timeout_ms, and other nodes took "
                 "over its partitions: " +
                 error.message};
  ended_ = error;
  inputs_.stop();
  ending_.request_stop();
  for (auto& [p, owned] : inputs_.owned()) {
    owned.restore.request_stop();
    if (owned.state) owned.state->end();
  }
  return error;
}

void Session::close() {
  if (std::exchange(closed_, true)) return;
  if (!ended_) (void)end({ErrorCode::closed, "the session of " + service() + " was closed"});
  on_ready(nullptr);
  if (ticker_.joinable()) {
    {
      std::lock_guard lock(ticks_mutex_);
      ticks_end_ = true;
    }
    ticks_changed_.notify_all();
    ticker_.join();
  }
  restorers_.clear();
  preparer_.reset();
  cycle_writer_.close();
  inputs_.leave();
}

void Session::post(std::function<void()> news) {
  {
    std::lock_guard lock(news_mutex_);
    findings_.push_back(std::move(news));
  }
  wake();
}

Result<void> Session::handle_findings() {
  std::vector<std::function<void()>> news;
  {
    std::lock_guard lock(news_mutex_);
    news.swap(findings_);
  }
  for (const auto& tell : news)
    if (!ended_) tell();
  if (!ended_)
    if (auto failure = cycle_writer_.failure()) return end(*failure);
  return alive();
}

namespace {

// Of a record alone in its batch.
std::size_t left_for_record(const std::optional<std::size_t>& batch_bytes, std::size_t key_prefix = 0) {
  const std::size_t around = Client::batch_size({}) + key_prefix;
  return batch_bytes ? *batch_bytes - std::min(*batch_bytes, around) : SIZE_MAX;
}

}  // namespace

std::size_t Session::max_record_size(TopicIndex topic) const {
  return left_for_record(identity_.limits.at(topic.value).batch_bytes);
}

std::size_t Session::max_state_size() const {
  std::size_t longest = 0;
  for (const auto& keyspace : identity_.options.keyspaces) longest = std::max(longest, keyspace.size());
  return left_for_record(cycle_writer_.max_changelog_batch(), changelog_key("", "").size() + longest);
}

// --- assignments ---

void Session::assigned(std::vector<PartitionId> partitions) {
  monitor_.assigned();
  auto takeover = std::make_shared<Takeover>();
  takeover->number = ++takeovers_;
  takeover->stop = ending_.get_token();
  for (const PartitionId p : partitions) inputs_.find(p)->takeover = takeover->number;
  takeover->partitions = std::move(partitions);
  // Others take a node that is no member of the group for dead, and take its transactional id from it. So the
  // id is opened by a member.
  const bool is_first = !std::exchange(was_assigned_, true);
  preparer_->begin([this, takeover, is_first] {
    if (takeover->stop.stop_requested()) return;
    Result<void> found;
    if (is_first) found = cycle_writer_.open();
    if (found) found = takeover->find_positions(identity_);
    post([this, takeover, found] { positions_found(takeover, found); });
  });
}

void Session::positions_found(const std::shared_ptr<Takeover>& takeover, const Result<void>& result) {
  if (!result) return (void)end(result.error());
  const auto gone = [&](PartitionId p) { return !awaits(p, *takeover); };
  std::erase_if(takeover->partitions, gone);
  std::erase_if(takeover->restores, [&](const auto& r) { return gone(r.partition); });
  std::erase_if(takeover->positions, [&](const auto& p) { return gone(p.first.first); });
  std::erase_if(takeover->unread, [&](const auto& p) { return gone(p.first); });
  if (takeover->partitions.empty()) return;
  for (const auto& [place, position] : takeover->positions) {
    InputCursor& cursor = inputs_.find(place.first)->cursors[place.second];
    cursor = {.read = position.next,
              .committed = position.next,
              .fingerprint = PartitionFingerprint(position.last)};
    cursor.fingerprint.verify(Offset{});
  }
  if (auto removed = inputs_.take_over(takeover->partitions); !removed) return (void)end(removed.error());
  events_.push_back(Assigned{Epoch{++epoch_}, takeover->partitions});
  begin_restore(takeover);
}

// On a thread of its own: a long one holds up neither another takeover nor what is to be signed.
void Session::begin_restore(const std::shared_ptr<Takeover>& takeover) {
  for (auto& log : takeover->restores) log.stop = inputs_.find(log.partition)->restore.get_token();
  restorers_[takeover->number].begin([this, takeover] {
    const RestoreListener news{
        .progress =
            [this](PartitionId partition, std::uint64_t done, std::uint64_t total) {
              post([this, partition, done, total] {
                if (inputs_.find(partition)) events_.push_back(Restoring{partition, done, total});
              });
            },
        .restored =
            [this, &takeover](std::vector<Restore> restored) {
              post([this, part = takeover->part(std::move(restored))] { part_is_restored(part); });
            }};
    auto done = restore(client(), identity_.options.service, takeover->restores, news);
    post([this, number = takeover->number, done] {
      if (!done) return (void)end(done.error());
      restorers_.erase(number);
    });
  });
}

void Session::part_is_restored(std::shared_ptr<Takeover> part) {
  if (auto begun = part->check_begun(identity_); !begun) return (void)end(begun.error());
  if (!awaiting_ownership_.empty() && awaiting_ownership_.back()->number == part->number) {
    awaiting_ownership_.back()->add(std::move(*part));
  } else {
    awaiting_ownership_.push_back(std::move(part));
  }
  commit_next_ownership();
}

void Session::commit_next_ownership() {
  if (committing_ownership_ || awaiting_ownership_.empty()) return;
  committing_ownership_ = true;
  const auto part = std::move(awaiting_ownership_.front());
  awaiting_ownership_.pop_front();
  commit_ownership(part);
}

// The positions are committed under this session's name, in the generation that owns them now. While the
// group changes there may be none, or one that is over: then again, until they are signed or gone.
void Session::commit_ownership(const std::shared_ptr<Takeover>& part) {
  std::erase_if(part->positions, [&](const auto& p) { return !awaits(p.first.first, *part); });
  std::shared_ptr<rd_kafka_consumer_group_metadata_t> group;
  Landing none;
  if (!part->is_ownership_committed(identity_)) {
    auto now = inputs_.group();
    if (now) {
      group = *std::move(now);
    } else {
      none = {Landing::How::aborted, now.error()};
    }
  }
  preparer_->begin([this, part, group, none] {
    if (ending_.stop_requested()) return;
    const Landing landing = group ? part->commit_ownership(identity_, group.get()) : none;
    Result<void> done;
    if (landing.how == Landing::How::failed) done = landing.error;
    const bool again = landing.how == Landing::How::aborted || landing.how == Landing::How::unknown;
    if (again) part->rest(identity_, landing.error);
    post([this, part, done, again] {
      if (!done) return (void)end(done.error());
      if (again) return commit_ownership(part);
      restored(*part);
      committing_ownership_ = false;
      commit_next_ownership();
    });
  });
}

void Session::restored(const Takeover& part) {
  std::vector<PartitionId> partitions;
  for (const auto& log : part.restores) {
    OwnedPartition* owned = awaits(log.partition, part);
    if (!owned) continue;
    owned->copy = log.copy;
    owned->log = log.place;
    owned->state =
        std::make_shared<CopyReader>(log.copy, identity_.options, log.partition, identity_.changelog());
    events_.push_back(Restored{log.partition, owned->state, log.records});
    partitions.push_back(log.partition);
  }
  if (!partitions.empty()) inputs_.restored(partitions);
}

void Session::removed(std::vector<PartitionId> partitions, Removal how) {
  client().step(Step::revoke);
  was_away_ = was_away_ || how == Removal::lost;
  for (const PartitionId p : partitions)
    if (OwnedPartition* owned = inputs_.find(p)) owned->restore.request_stop();
  if (how == Removal::revoked) {
    events_.push_back(Revoked{std::move(partitions)});
    return;
  }
  for (const PartitionId p : partitions)
    if (const OwnedPartition* owned = inputs_.find(p); owned && owned->state) owned->state->end();
  events_.push_back(Lost{std::move(partitions)});
}

void Session::release(const std::vector<PartitionId>& partitions) {
  if (ended_) return;
  for (const PartitionId p : partitions)
    if (const OwnedPartition* owned = inputs_.find(p); owned && owned->state) owned->state->end();
  inputs_.release(partitions);
}

// --- reading ---

Result<std::vector<StoreEvent>> Session::poll(const PollLimits& limits) {
  notice_standstill();
  if (auto heard = handle_findings(); !heard) return heard.error();
  std::vector<StoreEvent> events;
  auto outcome = cycle_writer_.outcome();
  if (!outcome) return end(outcome.error());
  if (*outcome) events.push_back(**std::move(outcome));
  std::vector<StoreEvent> records;
  if (auto read = inputs_.read(limits, records); !read) return end(read.error());
  if (inputs_.more()) wake();
  if (auto noted = cycle_writer_.note_copies_if_due(); !noted) return end(noted.error());
  cycle_writer_.refresh_if_due();
  monitor_.check_if_due(*preparer_);
  std::move(events_.begin(), events_.end(), std::back_inserter(events));
  events_.clear();
  std::move(records.begin(), records.end(), std::back_inserter(events));
  return events;
}

Result<bool> Session::at_end() {
  if (auto good = alive(); !good) return good.error();
  return inputs_.at_end();
}

// --- writing ---

Result<void> Session::write_now(const OutputBuffer& outputs) {
  if (auto good = alive(); !good) return good;
  if (auto checked = check_outputs(outputs, identity_.options, identity_.shape); !checked) return checked;
  auto written = identity_.producer->write(records_of(identity_, outputs));
  if (!written) return written.error();
  return {};
}

Result<void> Session::abort() {
  if (auto good = alive(); !good) return good;
  auto back = cycle_writer_.abort();
  wake();
  return back;
}

Result<Outcome> Session::resolve(CycleId cycle) {
  if (auto good = alive(); !good) return good.error();
  if (!cycle_writer_.is_unknown(cycle))
    return Error{ErrorCode::invalid_argument,
                 "resolve: cycle " + std::to_string(cycle.value) + " has no unknown outcome"};
  auto outcome = cycle_writer_.resolve();
  if (!outcome) return end(outcome.error());
  return outcome;
}

void Session::checked_inputs(const std::vector<InputCheck>& checks) {
  for (const auto& check : checks)
    if (auto good = inputs_.checked_inputs(check); !good) return (void)end(good.error());
}

void Session::mend_group(std::size_t without_owner) {
  const auto& all = inputs_.owned();
  if (std::any_of(all.begin(), all.end(), [](const auto& o) { return o.second.leaving; })) return;
  client().log_warning(std::to_string(without_owner) + " partitions of " + service() +
                       " belong to no node: this one joins its group anew");
  inputs_.join_anew();
}

}  // namespace

Result<std::unique_ptr<StoreSession>> make_session(std::shared_ptr<Client> client,
                                                   const SessionOptions& options) {
  if (auto name = check_name(options.node); !name)
    return Error{name.error().code, "node " + printable(options.node) + ": " + name.error().message};
  if (auto fresh = client->topics(); !fresh) return fresh.error();
  std::optional<Error> failed;
  auto shape = check_session(options, [&](const std::string& name) -> std::optional<std::uint32_t> {
    auto count = client->partitions_of(name);
    if (!count) failed = count.error();
    return count ? *count : std::nullopt;
  });
  if (failed) return *failed;
  if (!shape) return shape.error();
  auto limits = client->limits_of(options.topics);
  if (!limits) return limits.error();
  auto session = std::make_unique<Session>(
      SessionIdentity{std::move(client), options, *std::move(shape), *std::move(limits)});
  if (auto started = session->start(); !started) return started.error();
  return std::unique_ptr<StoreSession>(std::move(session));
}

}  // namespace eventy::kafka::detail
