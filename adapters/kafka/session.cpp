// A service's session on Kafka: Inputs reads, Commits writes, Takeover prepares what was assigned; this file
// is where they meet, on the thread that owns the session.
#include "session.hpp"

#include <algorithm>
#include <atomic>

#include "commits.hpp"
#include "eventy/store/worker.hpp"
#include "inputs.hpp"
#include "partition_state.hpp"
#include "positions.hpp"
#include "takeover.hpp"
#include "watch.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::milliseconds tick{500};  // polls at least so often, or librdkafka leaves the group
constexpr std::chrono::milliseconds sign_again{100};

class Session final : public StoreSession {
 public:
  explicit Session(Scope scope)
      : scope_(std::move(scope)),
        inputs_(scope_, {[this] { wake(); }, [this](std::vector<PartitionId> p) { assigned(std::move(p)); },
                         [this](std::vector<PartitionId> p, Taken how) { taken(std::move(p), how); }}),
        commits_(scope_, [this] { wake(); }),
        watch_(scope_, {[this](std::function<void()> news) { post(std::move(news)); },
                        [this](const Error& error) { (void)end(error); },
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
  Result<void> append(const SliceEffects& effects) override;
  Result<void> write_now(const OutputBuffer& outputs) override;
  Result<void> commit(CycleId cycle) override;
  Result<void> abort() override;
  Result<Outcome> resolve(CycleId cycle) override;
  void release(const std::vector<PartitionId>& partitions) override;
  std::size_t max_record_size(TopicIndex topic) const override;
  std::uint32_t partition_count(TopicIndex topic) const override {
    return scope_.shape.counts.at(topic.value);
  }
  Result<bool> at_end() override;
  void close() override;

 private:
  Client& client() const { return *scope_.client; }
  std::string service() const { return "service " + printable(scope_.options.service); }
  Result<void> alive() const {
    if (ended_) return *ended_;
    return {};
  }
  Error end(Error error);
  void wake() {
    std::lock_guard lock(wake_mutex_);
    if (wake_) wake_();
  }
  // What a worker found out is handled in the next poll().
  void post(std::function<void()> news);
  Result<void> hear();
  void set_paused(PartitionId partition, bool paused) {
    if (!ended_) inputs_.set_paused(partition, paused);
  }

  void assigned(std::vector<PartitionId> partitions);
  void taken(std::vector<PartitionId> partitions, Taken how);
  void positions_found(const std::shared_ptr<Takeover>& takeover, const Result<void>& result);
  void sign(const std::shared_ptr<Takeover>& takeover);
  // Null: the partition has gone since, or has come back for another takeover.
  Owned* awaits(PartitionId partition, const Takeover& takeover) {
    Owned* owned = inputs_.find(partition);
    return owned && !owned->leaving && owned->takeover == takeover.number ? owned : nullptr;
  }
  void restored(const Takeover& takeover);

  Offset next_position(const Place& place, const Cursor& cursor) const;
  Result<void> check_positions(const SliceEffects& effects, const Owned& owned);
  void settle();
  Result<void> catch_up(const Flight& flight);
  void refresh_if_due();
  void mend_group(std::size_t without_owner);

  Scope scope_;
  // Outputs are written as they come, and not only at the commit: what is written at once beside an open
  // transaction could not be read before its end.
  const bool early_ = scope_.options.writes == Writes::in_cycles_only;
  std::optional<Error> ended_ = {};
  bool closed_ = false;
  std::uint64_t epoch_ = 0, takeovers_ = 0;
  std::vector<StoreEvent> events_ = {};

  Cycle open_ = {};
  std::unique_ptr<Flight> flight_ = {};
  std::optional<Result<StoreEvent>> outcome_ = {};
  std::unique_ptr<Flight> refresh_ = {};
  std::chrono::steady_clock::time_point refreshed_ = std::chrono::steady_clock::now();

  std::mutex wake_mutex_ = {};
  std::function<void()> wake_ = {};
  std::mutex news_mutex_ = {};
  std::vector<std::function<void()>> news_ = {};

  Inputs inputs_;
  Commits commits_;
  Watch watch_;
  std::mutex ticks_mutex_ = {};
  std::condition_variable ticks_changed_ = {};
  bool ticks_end_ = false;
  std::optional<Worker> preparer_ = {};
  std::thread ticker_ = {};
};

// --- start and end ---

Result<void> Session::start() {
  auto made =
      client().ensure({{changelog_of(scope_.options.service), scope_.shape.partitions}}, Cleanup::compact);
  if (!made) return made;
  // First of all, so that nothing of a predecessor is open any more when positions are read.
  if (auto opened = commits_.open(); !opened) return opened;
  if (auto joined = inputs_.join(); !joined) return joined;
  preparer_.emplace();
  ticker_ = std::thread([this] {
    std::unique_lock lock(ticks_mutex_);
    while (!ticks_changed_.wait_for(lock, tick, [this] { return ticks_end_; })) wake();
  });
  return {};
}

Error Session::end(Error error) {
  ended_ = error;
  inputs_.stop();
  for (auto& [p, owned] : inputs_.owned())
    if (owned.state) owned.state->end();
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
  preparer_.reset();
  commits_.close();
  inputs_.leave();
}

void Session::post(std::function<void()> news) {
  {
    std::lock_guard lock(news_mutex_);
    news_.push_back(std::move(news));
  }
  wake();
}

Result<void> Session::hear() {
  std::vector<std::function<void()>> news;
  {
    std::lock_guard lock(news_mutex_);
    news.swap(news_);
  }
  for (const auto& tell : news)
    if (!ended_) tell();
  if (!ended_)
    if (auto failure = commits_.failure()) return end(*failure);
  return alive();
}

std::size_t Session::max_record_size(TopicIndex topic) const {
  const std::size_t around = Client::batch_size({});
  const auto& most = scope_.limits.at(topic.value).batch_bytes;
  return most ? *most - std::min(*most, around) : SIZE_MAX;
}

// --- assignments ---

void Session::assigned(std::vector<PartitionId> partitions) {
  watch_.assigned();
  auto takeover = std::make_shared<Takeover>();
  takeover->number = ++takeovers_;
  for (const PartitionId p : partitions) inputs_.find(p)->takeover = takeover->number;
  takeover->partitions = std::move(partitions);
  preparer_->begin([this, takeover] {
    auto found = takeover->find_positions(scope_);
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
  for (const auto& [place, next] : takeover->positions)
    inputs_.find(place.first)->cursors[place.second] = {.read = next, .committed = next};
  if (auto taken = inputs_.take_over(takeover->partitions); !taken) return (void)end(taken.error());
  events_.push_back(Assigned{Epoch{++epoch_}, takeover->partitions});
  preparer_->begin([this, takeover] {
    auto restored = takeover->restore_states(
        scope_, [this](PartitionId partition, std::uint64_t done, std::uint64_t total) {
          post([this, partition, done, total] {
            if (inputs_.find(partition)) events_.push_back(Restoring{partition, done, total});
          });
        });
    post([this, takeover, restored] {
      if (!restored) return (void)end(restored.error());
      sign(takeover);
    });
  });
}

// The positions are committed under this session's name, in the generation that owns them now.
void Session::sign(const std::shared_ptr<Takeover>& takeover) {
  std::erase_if(takeover->positions, [&](const auto& p) { return !awaits(p.first.first, *takeover); });
  std::shared_ptr<rd_kafka_consumer_group_metadata_t> group;
  if (!takeover->signed_by_us && !takeover->positions.empty()) {
    auto now = inputs_.group();
    if (!now) return;  // they are lost, as read() will say
    group = std::move(*now);
  }
  preparer_->begin([this, takeover, group] {
    const Landing landing = group ? takeover->sign(scope_, group.get()) : Landing{};
    Result<void> done;
    if (landing.how == Landing::How::failed) done = landing.error;
    const bool again = landing.how == Landing::How::aborted || landing.how == Landing::How::unknown;
    if (again) std::this_thread::sleep_for(sign_again);  // the group may still be changing
    if (landing.how == Landing::How::committed) done = takeover->name_logs(scope_);
    post([this, takeover, done, again] {
      if (!done) return (void)end(done.error());
      if (again) return sign(takeover);
      restored(*takeover);
    });
  });
}

void Session::restored(const Takeover& takeover) {
  for (const auto& task : takeover.restores) {
    Owned* owned = awaits(task.partition, takeover);
    if (!owned) continue;
    owned->copy = task.copy;
    owned->log = task.place;
    owned->state = std::make_shared<PartitionState>(task.copy, scope_.options, task.partition);
    events_.push_back(Restored{task.partition, owned->state});
    inputs_.restored(task.partition);
  }
}

void Session::taken(std::vector<PartitionId> partitions, Taken how) {
  client().step(Step::revoke);
  if (how == Taken::revoked) {
    events_.push_back(Revoked{std::move(partitions)});
    return;
  }
  for (const PartitionId p : partitions)
    if (const Owned* owned = inputs_.find(p); owned && owned->state) owned->state->end();
  events_.push_back(Lost{std::move(partitions)});
}

void Session::release(const std::vector<PartitionId>& partitions) {
  if (ended_) return;
  for (const PartitionId p : partitions)
    if (const Owned* owned = inputs_.find(p); owned && owned->state) owned->state->end();
  inputs_.release(partitions);
}

// --- reading ---

Result<std::vector<StoreEvent>> Session::poll(const PollLimits& limits) {
  if (auto heard = hear(); !heard) return heard.error();
  settle();
  std::vector<StoreEvent> events;
  if (outcome_) {
    auto outcome = *std::exchange(outcome_, {});
    if (!outcome) return end(outcome.error());
    if (std::holds_alternative<Aborted>(*outcome)) {
      open_ = {};  // what was appended since shares its fate
      commits_.abort();
      if (auto back = inputs_.rewind(); !back) return end(back.error());
    }
    events.push_back(*std::move(outcome));
  }
  std::vector<StoreEvent> records;
  if (auto read = inputs_.read(limits, records); !read) return end(read.error());
  if (inputs_.more()) wake();
  refresh_if_due();
  watch_.look_if_due(*preparer_);
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

Result<void> Session::check_positions(const SliceEffects& effects, const Owned& owned) {
  for (const auto& position : effects.positions) {
    if (position.next <= owned.cursors.at(position.topic).read) continue;
    auto ends = client().ends_of(scope_.options.topics[position.topic.value], effects.partition,
                                 Isolation::read_uncommitted);
    if (!ends) return ends.error();
    if (position.next > ends->end)
      return Error{ErrorCode::invalid_argument, "a position behind the end of its topic"};
  }
  return {};
}

Result<void> Session::append(const SliceEffects& effects) {
  if (auto good = alive(); !good) return good;
  if (auto checked = check_effects(effects, scope_.options, scope_.shape); !checked) return checked;
  const Owned* owned = inputs_.find(effects.partition);
  if (!owned || owned->stage != Owned::Stage::restored)
    return Error{ErrorCode::invalid_argument, "partition " + std::to_string(effects.partition.value) +
                                                  " is not assigned to this session of " + service()};
  std::size_t bytes = effects.outputs.bytes.size();
  for (const auto& change : effects.state)
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  if (open_.bytes + bytes > client().options().max_cycle_size)
    return Error{ErrorCode::too_large,
                 "a commit cycle of " + std::to_string(open_.bytes + bytes) + " bytes: at most " +
                     std::to_string(client().options().max_cycle_size) + " are allowed"};
  if (auto checked = check_positions(effects, *owned); !checked) return checked;
  // A cycle without any position would not be fenced.
  for (const auto& [input, cursor] : owned->cursors)
    open_.positions.try_emplace({effects.partition, input},
                                next_position({effects.partition, input}, cursor));
  for (const auto& position : effects.positions)
    open_.positions[{effects.partition, position.topic}] = position.next;
  for (const auto& change : effects.state)
    open_.states[{effects.partition,
                  changelog_key(scope_.options.keyspaces[change.keyspace.value], change.key)}] = change.value;
  open_.bytes += bytes;
  if (effects.outputs.empty()) return {};
  open_.outputs.push_back(std::make_shared<const OutputBuffer>(effects.outputs));
  if (early_) commits_.add(open_.outputs.back());
  return {};
}

// Where a service stands once the cycle in flight is committed.
Offset Session::next_position(const Place& place, const Cursor& cursor) const {
  if (flight_) {
    const auto& flying = flight_->effects.positions;
    if (const auto it = flying.find(place); it != flying.end()) return it->second;
  }
  return cursor.committed;
}

Result<void> Session::write_now(const OutputBuffer& outputs) {
  if (auto good = alive(); !good) return good;
  if (auto checked = check_outputs(outputs, scope_.options, scope_.shape); !checked) return checked;
  auto written = client().write(records_of(scope_, outputs));
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
  auto group = inputs_.group();
  if (!group && !flight_->effects.empty()) {
    commits_.abort();
    flight_->landing = {Landing::How::aborted, group.error()};
    flight_->landed = true;
    wake();
    return {};
  }
  if (group) flight_->group = *std::move(group);
  for (const auto& [place, next] : flight_->effects.positions) {
    const Owned* owned = inputs_.find(place.first);
    if (!owned) continue;
    flight_->copies[place.first] = owned->copy;
    flight_->logs[place.first] = owned->log;
  }
  if (!early_)
    for (const auto& outputs : flight_->effects.outputs) commits_.add(outputs);
  commits_.commit(*flight_);
  return {};
}

// What a committed cycle changes in what this session knows.
void Session::settle() {
  if (refresh_ && refresh_->landed) {
    if (refresh_->landing.how == Landing::How::failed || refresh_->landing.how == Landing::How::unknown)
      outcome_ = refresh_->landing.error;
    refresh_.reset();
  }
  if (!flight_ || !flight_->landed || outcome_) return;
  const CycleId cycle = flight_->cycle;
  const Landing& landing = flight_->landing;
  switch (landing.how) {
    case Landing::How::committed:
      for (const auto& [place, next] : flight_->effects.positions) {
        Owned* owned = inputs_.find(place.first);
        if (!owned) continue;
        owned->cursors[place.second].committed = next;
        owned->log = flight_->logs[place.first];
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
  if (flight_) commits_.wait(), settle();  // a commit that was begun is not undone
  open_ = {};
  commits_.abort();
  auto back = inputs_.rewind();
  wake();
  return back;
}

// A new producer of the same id ends what the old one left open; then the committed positions tell.
Result<Outcome> Session::resolve(CycleId cycle) {
  if (auto good = alive(); !good) return good.error();
  if (!flight_ || flight_->cycle != cycle || flight_->landing.how != Landing::How::unknown)
    return Error{ErrorCode::invalid_argument,
                 "resolve: cycle " + std::to_string(cycle.value) + " has no unknown outcome"};
  commits_.wait();
  if (auto renewed = commits_.renew(); !renewed) return end(renewed.error());
  const auto flight = std::move(flight_);
  const Place place = flight->effects.positions.begin()->first;
  auto found = client().committed(scope_.group(), {scope_.in_kafka(place)});
  if (!found) return end(found.error());
  const auto note = read_note(found->at(0).metadata);
  if (note.by != scope_.transactional_id() || note.cycle != scope_.run + "-" + std::to_string(cycle.value)) {
    open_ = {};
    if (auto back = inputs_.rewind(); !back) return end(back.error());
    return Outcome::aborted;
  }
  if (auto known = catch_up(*flight); !known) return end(known.error());
  if (early_)
    for (const auto& outputs : open_.outputs) commits_.add(outputs);
  return Outcome::committed;
}

// With a cycle that turned out to be committed: its states are read from the log.
Result<void> Session::catch_up(const Flight& flight) {
  std::vector<Restore> restores;
  for (const auto& [place, next] : flight.effects.positions) {
    Owned* owned = inputs_.find(place.first);
    if (!owned) continue;
    owned->cursors[place.second].committed = next;
    if (restores.empty() || restores.back().partition != place.first)
      restores.push_back(
          {.partition = place.first, .copy = owned->copy, .expected_log = incarnation_of(owned->log)});
  }
  auto restored = restore(client(), scope_.options.service, restores, [](auto, auto, auto) {});
  if (!restored) return restored;
  for (const auto& task : restores) inputs_.find(task.partition)->log = task.place;
  return {};
}

// --- now and then ---

// Positions in topics that are assigned beside the subscription expire some days after their last commit.
void Session::refresh_if_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now - refreshed_ < client().options().position_refresh) return;
  if (refresh_ || flight_ || outcome_ || !open_.empty()) return;
  auto group = inputs_.group();
  if (!group) return;
  refreshed_ = now;
  refresh_ = std::make_unique<Flight>();
  refresh_->group = *std::move(group);
  for (const auto& [p, owned] : inputs_.owned()) {
    if (owned.leaving || owned.stage != Owned::Stage::restored) continue;
    refresh_->logs[p] = owned.log;
    for (const auto& [input, cursor] : owned.cursors)
      refresh_->effects.positions[{p, input}] = cursor.committed;
  }
  commits_.commit(*refresh_);
}

void Session::mend_group(std::size_t without_owner) {
  const auto& all = inputs_.owned();
  if (std::any_of(all.begin(), all.end(), [](const auto& o) { return o.second.leaving; })) return;
  client().warn(std::to_string(without_owner) + " partitions of " + service() +
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
  auto session =
      std::make_unique<Session>(Scope{std::move(client), options, *std::move(shape), *std::move(limits)});
  if (auto started = session->start(); !started) return started.error();
  return std::unique_ptr<StoreSession>(std::move(session));
}

}  // namespace eventy::kafka::detail
