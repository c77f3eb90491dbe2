#include "session.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "copy_reader.hpp"
#include "cycle_writer.hpp"
#include "group.hpp"
#include "inputs.hpp"
#include "monitor.hpp"
#include "partition_preparer.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::milliseconds tick{500};  // polls at least so often, or librdkafka leaves the group

// Wakes the bridge now and then, on a thread of its own: a consumer that is not polled leaves its group.
class Ticker {
 public:
  ~Ticker() { stop(); }
  void start(std::function<void()> wake) {
    thread_ = std::thread([this, wake = std::move(wake)] {
      std::unique_lock lock(mutex_);
      while (!stopped_.wait_for(lock, tick, [this] { return stop_; })) wake();
    });
  }
  void stop() {
    if (!thread_.joinable()) return;
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    stopped_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_ = {};
  std::condition_variable stopped_ = {};
  bool stop_ = false;
  std::thread thread_ = {};
};

class Session final : public StoreSession {
 public:
  explicit Session(SessionIdentity identity)
      : identity_(std::move(identity)),
        inputs_(identity_,
                {[this] { wake(); }, [this](std::vector<PartitionId> p) { assigned(std::move(p)); },
                 [this](std::vector<PartitionId> p, Removal how) { removed(std::move(p), how); }}),
        cycle_writer_(identity_, inputs_, [this] { wake(); }),
        preparer_(identity_, inputs_, [this] { return cycle_writer_.open_producer(); },
                  {[this](std::function<void()> finding) { post(std::move(finding)); },
                   [this](StoreEvent event) { events_.push_back(std::move(event)); },
                   [this](const Error& error) { (void)end(error); }}),
        monitor_(identity_, inputs_,
                 {[this](std::function<void()> finding) { post(std::move(finding)); },
                  [this](const Error& error) { (void)end(error); },
                  [this](const std::vector<InputCheck>& checks) { inputs_checked(checks); },
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
  std::size_t max_record_bytes(TopicIndex topic) const override;
  bool needs_keys(TopicIndex topic) const override {
    return identity_.limits.at(topic.value).is_compacted.value_or(false);
  }
  std::size_t max_state_bytes() const override;
  std::size_t max_cycle_bytes() const override { return client().options().max_cycle_bytes; }
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
  // Any thread: the next poll() calls it.
  void post(std::function<void()> finding);
  Result<void> handle_findings();
  void set_paused(PartitionId partition, bool paused) {
    if (!ended_) inputs_.set_paused(partition, paused);
  }

  void assigned(std::vector<PartitionId> partitions);
  void removed(std::vector<PartitionId> partitions, Removal how);
  void end_states(const std::vector<PartitionId>& partitions);
  void inputs_checked(const std::vector<InputCheck>& checks);
  void mend_group(std::size_t without_owner);

  SessionIdentity identity_;
  std::optional<Error> ended_ = {};
  bool closed_ = false;
  std::chrono::steady_clock::time_point polled_ = std::chrono::steady_clock::now();
  bool was_away_ = false;  // from the group, for longer than its session lasts
  std::vector<StoreEvent> events_ = {};

  std::mutex wake_mutex_ = {};
  std::function<void()> wake_ = {};
  std::mutex findings_mutex_ = {};
  std::vector<std::function<void()>> findings_ = {};

  Inputs inputs_;
  CycleWriter cycle_writer_;
  PartitionPreparer preparer_;
  Monitor monitor_;
  Ticker ticker_ = {};
};

// --- start and end ---

Result<void> Session::start() {
  auto made = client().ensure({{changelog_of(identity_.options.service), identity_.shape.partitions}},
                              Cleanup::compact);
  if (!made) return made;
  if (auto found = cycle_writer_.find_limits(); !found) return found;
  // An error here is reported when the session joins the group.
  if (const auto now = membership_of(client(), identity_.group()); now && !now->foreign.empty())
    return foreign_members(identity_.group(), *now);
  if (auto joined = inputs_.join(); !joined) return joined;
  preparer_.start();
  ticker_.start([this] {
    inputs_.keep_awake();
    wake();
  });
  return {};
}

void Session::notice_standstill() {
  const auto now = std::chrono::steady_clock::now();
  if (now - polled_ > client().options().session_timeout) was_away_ = true;
  polled_ = now;
}

// A node that stood still or was cut off is fenced by the nodes that took over its partitions. A duplicate
// instance would be reported by the group.
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
  preparer_.request_stop();
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
  ticker_.stop();
  preparer_.close();
  cycle_writer_.close();
  inputs_.leave();
}

void Session::post(std::function<void()> finding) {
  {
    std::lock_guard lock(findings_mutex_);
    findings_.push_back(std::move(finding));
  }
  wake();
}

Result<void> Session::handle_findings() {
  std::vector<std::function<void()>> findings;
  {
    std::lock_guard lock(findings_mutex_);
    findings.swap(findings_);
  }
  for (const auto& handle : findings)
    if (!ended_) handle();
  if (!ended_)
    if (auto failure = cycle_writer_.failure()) return end(*failure);
  return alive();
}

namespace {

// Bytes of key and value of a record that is alone in its batch.
std::size_t left_for_record(const std::optional<std::size_t>& batch_bytes, std::size_t key_prefix = 0) {
  const std::size_t around = Client::batch_size({}) + key_prefix;
  return batch_bytes ? *batch_bytes - std::min(*batch_bytes, around) : SIZE_MAX;
}

}  // namespace

std::size_t Session::max_record_bytes(TopicIndex topic) const {
  return left_for_record(identity_.limits.at(topic.value).batch_bytes);
}

std::size_t Session::max_state_bytes() const {
  std::size_t longest = 0;
  for (const auto& keyspace : identity_.options.keyspaces) longest = std::max(longest, keyspace.size());
  return left_for_record(cycle_writer_.max_changelog_batch(), changelog_key("", "").size() + longest);
}

// --- assignments ---

void Session::assigned(std::vector<PartitionId> partitions) {
  monitor_.assigned();
  preparer_.prepare(std::move(partitions));
}

void Session::removed(std::vector<PartitionId> partitions, Removal how) {
  client().reached(Step::revoke);
  was_away_ = was_away_ || how == Removal::lost;
  for (const PartitionId p : partitions)
    if (OwnedPartition* owned = inputs_.find(p)) owned->restore.request_stop();
  if (how == Removal::revoked) {
    events_.emplace_back(Revoked{std::move(partitions)});
    return;
  }
  end_states(partitions);
  events_.emplace_back(Lost{std::move(partitions)});
}

void Session::end_states(const std::vector<PartitionId>& partitions) {
  for (const PartitionId p : partitions)
    if (const OwnedPartition* owned = inputs_.find(p); owned && owned->state) owned->state->end();
}

void Session::release(const std::vector<PartitionId>& partitions) {
  if (ended_) return;
  end_states(partitions);
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
  if (auto noted = cycle_writer_.refresh_copy_dates_if_due(); !noted) return end(noted.error());
  cycle_writer_.refresh_positions_if_due();
  monitor_.check_if_due(preparer_.worker());
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

void Session::inputs_checked(const std::vector<InputCheck>& checks) {
  for (const auto& check : checks)
    if (auto good = inputs_.take_check(check); !good) return (void)end(good.error());
}

void Session::mend_group(std::size_t without_owner) {
  const auto& all = inputs_.owned();
  if (std::any_of(all.begin(), all.end(), [](const auto& o) { return o.second.leaving; })) return;
  client().log_warning(std::to_string(without_owner) + " partitions of " + service() +
                       " belong to no node: this node leaves the group and joins it again");
  inputs_.rejoin();
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
