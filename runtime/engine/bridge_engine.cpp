#include "eventy/engine/bridge_engine.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "eventy/engine/failure_class.hpp"

namespace eventy {

namespace {

// Half of what the store's cycles hold at most: the rest is for the slices that come before its commit.
CycleOptions limited(CycleOptions options, const StoreSession& session) {
  options.max_bytes = std::min(options.max_bytes, session.max_cycle_bytes() / 2);
  return options;
}

}  // namespace

BridgeEngine::BridgeEngine(std::shared_ptr<const ServiceRuntime> runtime,
                           std::unique_ptr<StoreSession> session, BridgeOptions options, const Clock& clock)
    : runtime_(std::move(runtime)),
      session_(std::move(session)),
      routes_(make_routes(runtime_, *session_)),
      options_(options),
      clock_(clock),
      cycles_(limited(options.cycle, *session_)),
      restores_(options.restore),
      cycle_backoff_(options.cycle_backoff) {}

// A session that cannot even be closed is left to the store.
BridgeEngine::~BridgeEngine() {
  try {
    session_->close();
  } catch (...) {
    if (const auto& log = runtime_->options().log)
      log->error("service {}: closing its session failed: {}", runtime_->plan().name,
                 describe(std::current_exception()).reason);
  }
}

void BridgeEngine::check(const Result<void>& result) {
  if (!result.ok()) throw Failure(result.error());
}

std::vector<BridgeAction> BridgeEngine::step() {
  step_again_ = false;
  commit_if_due();
  go_on_if_rested();
  went_back_ = false;
  auto events = session_->poll(options_.poll);
  if (!events.ok()) throw Failure(events.error());
  for (auto& event : *events) std::visit([this](auto& e) { handle(e); }, event);
  report_restores();
  commit_if_due();
  if (abort_wanted_) undo_all();
  let_go();  // whatever undid the cycle that held them
  hold_back();
  return std::exchange(actions_, {});
}

// --- what the store says ---

void BridgeEngine::handle(Assigned& e) {
  if (const auto& log = runtime_->options().log)
    log->debug("service {}: {} partitions are assigned, their states are restored now", runtime_->plan().name,
               e.partitions.size());
  for (const PartitionId p : e.partitions) tasks_.try_emplace(TaskId{p});
  restores_.begin(e.partitions, clock_.now());
}

void BridgeEngine::handle(Restoring& e) { restores_.progress(e.partition, e.done, e.total); }

void BridgeEngine::report_restores() {
  stats_.restoring = restores_.partitions();
  stats_.to_restore = restores_.records_left();
  stats_.restored = restores_.records();
  const auto line = restores_.line(clock_.now());
  if (const auto& log = runtime_->options().log; log && line)
    log->info("service {}: {}", runtime_->plan().name, *line);
}

void BridgeEngine::handle(Restored& e) {
  restores_.restored(e.partition);
  if (const auto& log = runtime_->options().log)
    log->debug("service {}: partition {} is restored, {} records of the log were replayed",
               runtime_->plan().name, e.partition.value, e.replayed);
  TaskState& task = tasks_[TaskId{e.partition}];
  task.state = e.state;
  start({e.partition}, task);
  const auto& sources = runtime_->plan().sources;
  for (std::uint32_t s = 0; s < sources.size(); ++s) {
    if (partition_of(sources[s].name, routes_->lead_partitions()) != e.partition) continue;
    TaskState& source = tasks_[TaskId{e.partition, s}];
    source.state = e.state;
    start({e.partition, s}, source);
  }
}

void BridgeEngine::start(TaskId task, TaskState& state) {
  const Epoch epoch = new_epoch();
  cycles_.open_task(task, epoch);
  state.down = state.waits = false;
  state.in_flight = 0;
  state.delivered.clear();
  state.deferred_slices.clear();
  state.missed = abort_wanted_;  // what it reads now may be older than the outcome that comes
  actions_.push_back(action::StartTask{task, epoch, state.state});
}

void BridgeEngine::handle(Revoked& e) {
  // Nothing more is taken from them; what is in hand is committed, then let_go() answers.
  for (const PartitionId p : e.partitions) session_->pause(p);
  leave(e.partitions);
  let_go();
}

void BridgeEngine::handle(Lost& e) {
  leave(e.partitions);
  undo_all();
  let_go();
}

void BridgeEngine::leave(const std::vector<PartitionId>& partitions) {
  revoked_.insert(revoked_.end(), partitions.begin(), partitions.end());
  for (auto& [task, state] : tasks_)
    if (std::find(partitions.begin(), partitions.end(), task.partition) != partitions.end())
      state.leaving = true;
}

// The answer to a revocation: each partition goes as soon as no cycle holds anything of it. The cycles of
// those that stay go on meanwhile, or they would keep it for ever.
void BridgeEngine::let_go() {
  std::vector<PartitionId> gone;
  std::erase_if(revoked_, [&](PartitionId p) {
    if (cycles_.holds(p)) return false;
    gone.push_back(p);
    return true;
  });
  if (!revoked_.empty()) commit_if_due();
  if (gone.empty()) return;
  for (const PartitionId p : gone) {
    restores_.gone(p);
    session_->resume(p);  // it may come back one day
    std::erase_if(tasks_, [&](const auto& task) {
      if (task.first.partition != p) return false;
      cycles_.close_task(task.first);
      actions_.push_back(action::StopTask{task.first});
      return true;
    });
  }
  session_->release(gone);
}

void BridgeEngine::handle(Records& e) {
  const TaskId task{e.batch->partition};
  const auto it = tasks_.find(task);
  // A task that is down gets its records again: its start is preceded by an abort.
  if (it == tasks_.end() || it->second.down || it->second.leaving || draining_ || abort_wanted_ || is_full_)
    return;
  // Polled before the session went back: it comes again.
  if (went_back_) return;
  TaskState& state = it->second;
  step_again_ = true;
  Offset& delivered = state.delivered[e.batch->topic];
  if (e.batch->next <= delivered) return;  // the session went back, and the task did not
  const Offset from = std::exchange(delivered, e.batch->next);
  stats_.records += e.batch->records.size();
  if (++state.in_flight >= options_.max_batches_in_flight && !state.paused) {
    state.paused = true;
    session_->pause(task.partition);
  }
  actions_.push_back(action::Deliver{task, *cycles_.epoch_of(task), std::move(e.batch), from});
}

void BridgeEngine::handle(Committed& e) {
  ++stats_.cycles;
  ++activity_;
  if (draining_) progressed_ = clock_.now();
  if (const auto& log = runtime_->options().log)
    log->trace("cycle committed {} {}", runtime_->plan().name, e.cycle.value);
  if (late_.empty()) works_again();
  for (const auto& done : cycles_.committed(e.cycle))
    actions_.push_back(action::CommittedUpTo{done.task, done.epoch, done.up_to});
  if (is_full_) cycles_.open() ? commit_if_due() : undo_all();
  let_go();
}

void BridgeEngine::works_again() {
  clock_is_told_ = false;
  const auto before = cycle_backoff_.committed();
  if (const auto& log = runtime_->options().log; log && before > options_.cycle_backoff.immediate_retries)
    log->info("service {}: goes on, after {} tries", runtime_->plan().name, before);
}

void BridgeEngine::handle(Aborted& e) {
  // Done again it would be aborted again: the supervisor decides. An absent topic may come back, but not for
  // this session.
  if (is_permanent(e.reason.code) || e.reason.code == ErrorCode::not_found) throw Failure(e.reason);
  ++stats_.aborted;
  abort_wanted_ = rests_until_.has_value();
  for (auto& [task, state] : tasks_) state.missed = state.missed || cycles_.holds(task);
  cycles_.undone();  // also what was appended since
  do_again(e.reason, "cycle " + std::to_string(e.cycle.value) + " was aborted");
  let_go();
}

void BridgeEngine::do_again(const Error& reason, const std::string& what, Duration least_rest) {
  const std::string& service = runtime_->plan().name;
  const bool is_clock = reason.code == ErrorCode::clock;
  if (const auto& log = runtime_->options().log; log && is_clock && clock_is_told_) {
    log->trace("service {}: {} again", service, what);
  } else if (log) {
    log->log(is_clock ? spdlog::level::err : spdlog::level::warn, "service {}: {} and is done again: {}",
             service, what, reason.message);
  }
  clock_is_told_ = is_clock;
  const Duration wait = std::max(cycle_backoff_.undone(), least_rest);
  if (wait > Duration{0}) return rest(wait);
  undo_all();
}

// Records that are polled meanwhile would be dropped: none are asked for.
void BridgeEngine::rest(Duration wait) {
  rests_until_ = clock_.now() + wait;
  abort_wanted_ = true;
  for (auto& [task, state] : tasks_)
    if (!task.is_source() && !state.leaving && !std::exchange(state.paused, true))
      session_->pause(task.partition);
}

void BridgeEngine::go_on_if_rested() {
  if (!rests_until_ || clock_.now() < *rests_until_) return;
  rests_until_.reset();
  while (!late_.empty()) {
    if (!write(late_.front(), options_.cycle_backoff.first)) return;
    late_.pop_front();
  }
  undo_all();
}

void BridgeEngine::handle(UnknownOutcome& e) {
  const auto outcome = session_->resolve(e.cycle);
  if (!outcome.ok()) throw Failure(outcome.error());
  if (*outcome == Outcome::committed) {
    Committed committed{e.cycle};
    handle(committed);
  } else {
    Aborted aborted{e.cycle, e.reason};
    handle(aborted);
  }
}

// --- what tasks say ---

std::vector<BridgeAction> BridgeEngine::accept(std::shared_ptr<const Slice> accepted) {
  const Slice& slice = *accepted;
  const auto it = tasks_.find(slice.task);
  if (it == tasks_.end() || it->second.down || it->second.leaving || abort_wanted_ || is_full_ ||
      cycles_.judge(slice) == CommitCycles::Verdict::stale) {
    if (it != tasks_.end() && cycles_.epoch_of(slice.task) == slice.epoch) it->second.missed = true;
    ++stats_.stale_slices;
    return {};
  }
  TaskState& task = it->second;
  const bool missed = std::exchange(task.missed, true);  // should it be refused
  if (!slice.immediate.empty() && !write(slice.immediate)) return std::exchange(actions_, {});
  const auto added = session_->append({accepted, &slice.effects});
  if (!added && added.error().code == ErrorCode::too_large && cycles_.open()) {
    close_full_cycle();
    return std::exchange(actions_, {});
  }
  check(added);
  task.missed = missed;
  cycles_.add(slice, clock_.now());
  if (slice.has_deferred) task.deferred_slices.push_back(slice.number.value);
  task.waits = false;
  task.in_flight -= std::min<std::size_t>(task.in_flight, slice.finished_batches);
  if (task.paused && task.in_flight <= options_.max_batches_in_flight / 2) {
    task.paused = false;
    if (!crowded_) session_->resume(slice.task.partition);
    step_again_ = true;
  }
  commit_if_due();
  hold_back();
  return std::exchange(actions_, {});
}

void BridgeEngine::deferred_done(TaskId task, Epoch epoch, SliceNumber up_to, const OutputBuffer& outputs) {
  if (!outputs.empty() && (!late_.empty() || !write(outputs, options_.cycle_backoff.first)))
    late_.push_back(outputs);
  const auto it = tasks_.find(task);
  if (it == tasks_.end() || cycles_.epoch_of(task) != epoch) return;
  std::erase_if(it->second.deferred_slices, [&](std::uint64_t n) { return n <= up_to.value; });
}

bool BridgeEngine::write(const OutputBuffer& outputs, Duration least_rest) {
  const auto written = session_->write_now(outputs);
  if (!written && written.error().code != ErrorCode::clock) throw Failure(written.error());
  if (!written) do_again(written.error(), "a slice was not written", least_rest);
  activity_ += written.ok();
  return written.ok();
}

void BridgeEngine::task_waits(TaskId task, Epoch epoch) {
  if (const auto it = tasks_.find(task); it != tasks_.end() && cycles_.epoch_of(task) == epoch)
    it->second.waits = true;
}

std::vector<BridgeAction> BridgeEngine::tasks_down(const std::vector<TaskId>& tasks) {
  bool any = false;
  for (const TaskId task : tasks) {
    // One that is not restored has not been started: this was told of an earlier one, before its partition
    // came back.
    const auto it = tasks_.find(task);
    if (it == tasks_.end() || !it->second.state) continue;
    it->second.down = any = true;
  }
  if (any) undo_all();
  return std::exchange(actions_, {});
}

std::vector<BridgeAction> BridgeEngine::start_again(TaskId task) {
  if (const auto it = tasks_.find(task); it != tasks_.end() && it->second.down) {
    // Records that were polled meanwhile and not delivered are behind the session's cursor: go back once
    // more.
    it->second.down = false;
    undo_all();
    std::erase_if(actions_, [&](const BridgeAction& a) {
      const auto* rewind = std::get_if<action::RewindTo>(&a);
      return rewind && rewind->task == task;
    });
    start(task, it->second);
  }
  return std::exchange(actions_, {});
}

// --- cycles ---

void BridgeEngine::commit_if_due() {
  if (!cycles_.open() || cycles_.in_flight() || abort_wanted_) return;
  if (!cycles_.due(clock_.now()) && !draining_ && revoked_.empty() && !is_full_) return;
  const CycleId cycle = cycles_.begin_commit(clock_.now());
  if (const auto& log = runtime_->options().log)
    log->trace("cycle begin {} {}", runtime_->plan().name, cycle.value);
  check(session_->commit(cycle));
  step_again_ = true;
}

void BridgeEngine::hold_back() {
  if (crowded_ == cycles_.crowded()) return;
  crowded_ = !crowded_;
  for (const auto& [task, state] : tasks_) {
    if (task.is_source() || state.paused || state.leaving) continue;
    if (crowded_) {
      session_->pause(task.partition);
    } else {
      session_->resume(task.partition);
    }
  }
  step_again_ = step_again_ || !crowded_;
}

void BridgeEngine::close_full_cycle() {
  is_full_ = true;
  commit_if_due();
}

void BridgeEngine::undo_all() {
  if (rests_until_) return;  // it is done at the end of the rest
  abort_wanted_ = cycles_.in_flight();
  if (abort_wanted_) return;  // its outcome comes first; slices that arrive until then are dropped
  go_back();
}

void BridgeEngine::go_back() {
  std::set<TaskId> keep;
  for (const auto& [task, state] : tasks_)
    if (keeps_on(task, state)) keep.insert(task);
  is_full_ = false;
  cycles_.undone();
  hold_back();
  check(session_->abort());
  went_back_ = true;
  ++stats_.rewinds;
  step_again_ = true;
  for (auto& [task, state] : tasks_)
    if (state.state && !keep.contains(task)) go_back(task, state);
}

// All slices of the task are committed, and the next one is being made: what was undone is no part of it. To
// do it again would cost the more the longer its handlers wait. The session reads again what it has got.
bool BridgeEngine::keeps_on(TaskId task, const TaskState& state) const {
  const bool is_at_work = task.is_source() || state.in_flight > 0;
  return state.state && is_at_work && !state.down && !state.leaving && !state.missed && !cycles_.holds(task);
}

void BridgeEngine::go_back(TaskId task, TaskState& state) {
  const Epoch epoch = new_epoch();
  cycles_.open_task(task, epoch);
  state.in_flight = 0;
  state.waits = state.missed = false;
  state.deferred_slices.clear();
  state.delivered.clear();
  if (std::exchange(state.paused, false)) session_->resume(task.partition);
  if (!state.down) actions_.push_back(action::RewindTo{task, epoch});
}

void BridgeEngine::drain() {
  draining_ = true;
  progressed_ = clock_.now();
}

// What a partition holds that waits for a retry or a probe is read again after the next start.
bool BridgeEngine::drained() const {
  if (draining_ && rests_until_) return !cycles_.in_flight();  // nothing can be committed just now
  return draining_ && !cycles_.open() && !cycles_.in_flight() && !abort_wanted_ &&
         std::all_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task.second.is_done(); });
}

std::vector<TaskId> BridgeEngine::held_up() const {
  if (!draining_ || !options_.hand_over_after || cycles_.open() || cycles_.in_flight() || abort_wanted_ ||
      clock_.now() < progressed_ + *options_.hand_over_after)
    return {};
  std::vector<TaskId> busy;
  for (const auto& [task, state] : tasks_)
    if (!state.is_done()) busy.push_back(task);
  if (busy.size() == tasks_.size() && !options_.hands_over_all) return {};  // none is better off elsewhere
  return busy;
}

std::optional<MonotonicTime> BridgeEngine::wake_at() const {
  if (rests_until_) return rests_until_;
  if (cycles_.in_flight()) return std::nullopt;
  const auto due = cycles_.due_at();
  if (due || !draining_ || !options_.hand_over_after) return due;
  const MonotonicTime hands_over = progressed_ + *options_.hand_over_after;
  return clock_.now() < hands_over ? std::optional(hands_over) : std::nullopt;
}

bool BridgeEngine::idle() {
  if (cycles_.open() || cycles_.in_flight() || abort_wanted_ || tasks_.empty()) return false;
  for (const auto& [task, state] : tasks_) {
    if (!state.state || state.down || state.in_flight > 0 || !state.deferred_slices.empty()) return false;
    if (task.is_source() && !state.waits) return false;
  }
  const auto end = session_->at_end();
  if (!end.ok()) throw Failure(end.error());
  return *end;
}

}  // namespace eventy
