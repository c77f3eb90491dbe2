#include "bridge_cycles.hpp"

#include <spdlog/spdlog.h>

namespace eventy {

void BridgeCycles::begin_round() {
  commit_if_due();
  go_on_if_rested();
  went_back_ = false;
}

void BridgeCycles::end_round() {
  commit_if_due();
  if (abort_wanted_) undo_all();
}

// --- what tasks say ---

bool BridgeCycles::takes(const Slice& slice, const BridgeTasks::Task* task) const {
  return task && !task->down && !task->leaving && !abort_wanted_ && !is_full_ &&
         environment_.book.judge(slice) == CommitCycles::Verdict::take;
}

void BridgeCycles::accept(const std::shared_ptr<const Slice>& accepted) {
  const Slice& slice = *accepted;
  BridgeTasks::Task* task = tasks_.find(slice.task);
  if (!takes(slice, task)) {
    if (BridgeTasks::Task* known = tasks_.find(slice.task, slice.epoch)) known->missed = true;
    environment_.metrics->stale_slices.add();
    return;
  }
  const bool missed = std::exchange(task->missed, true);  // should it be refused
  if (!slice.immediate.empty() && !write(slice.immediate)) return;
  const auto added = environment_.session->append({accepted, &slice.effects});
  if (!added && added.error().code == ErrorCode::too_large && environment_.book.open())
    return close_full_cycle();
  BridgeEnvironment::check(added);
  task->missed = missed;
  environment_.book.add(slice, environment_.clock.now());
  tasks_.took(*task, slice);
  commit_if_due();
  tasks_.hold_back();
}

void BridgeCycles::write_deferred(const OutputBuffer& outputs) {
  if (outputs.empty()) return;
  if (!late_.empty() || !write(outputs, environment_.options.cycle_backoff.first)) late_.push_back(outputs);
}

bool BridgeCycles::write(const OutputBuffer& outputs, Duration least_rest) {
  const auto written = environment_.session->write_now(outputs);
  if (!written && written.error().code != ErrorCode::clock) throw Failure(written.error());
  if (!written) do_again(written.error(), "a slice was not written", least_rest);
  environment_.activity += written.ok();
  return written.ok();
}

// --- commits ---

void BridgeCycles::commit_if_due() {
  CommitCycles& book = environment_.book;
  if (!book.open() || book.in_flight() || abort_wanted_) return;
  const bool is_urgent = environment_.is_draining || !environment_.revoked.empty() || is_full_;
  if (!is_urgent && !book.due(environment_.clock.now())) return;
  const CycleId cycle = book.begin_commit(environment_.clock.now());
  if (auto* log = environment_.log()) log->trace("cycle begin {} {}", environment_.service(), cycle.value);
  BridgeEnvironment::check(environment_.session->commit(cycle));
  environment_.wants_step = true;
}

void BridgeCycles::close_full_cycle() {
  is_full_ = true;
  commit_if_due();
}

void BridgeCycles::committed(const Committed& e) {
  environment_.metrics->cycles.add();
  ++environment_.activity;
  if (auto* log = environment_.log())
    log->trace("cycle committed {} {}", environment_.service(), e.cycle.value);
  if (late_.empty()) works_again();
  for (const auto& done : environment_.book.committed(e.cycle))
    environment_.actions.push_back(action::CommittedUpTo{done.task, done.epoch, done.up_to});
  if (const auto& views = environment_.options.views)
    views->committed(environment_.book.committed_positions());
  if (is_full_) environment_.book.open() ? commit_if_due() : undo_all();
}

void BridgeCycles::works_again() {
  clock_is_told_ = false;
  const auto before = cycle_backoff_.committed();
  if (auto* log = environment_.log(); log && before > environment_.options.cycle_backoff.immediate_retries)
    log->info("service {}: goes on, after {} tries", environment_.service(), before);
}

// --- what is done again ---

void BridgeCycles::aborted(const Aborted& e) {
  // It would be aborted again: the supervisor decides. An absent topic may come back, but this session does
  // not find it.
  if (is_permanent(e.reason.code) || e.reason.code == ErrorCode::not_found) throw Failure(e.reason);
  environment_.metrics->aborted.add();
  abort_wanted_ = rests_until_.has_value();
  for (auto& [id, task] : tasks_.all()) task.missed = task.missed || environment_.book.holds(id);
  environment_.book.undone();  // also what was appended since
  do_again(e.reason, "cycle " + std::to_string(e.cycle.value) + " was aborted");
}

void BridgeCycles::do_again(const Error& reason, const std::string& what, Duration least_rest) {
  const std::string& service = environment_.service();
  const bool is_clock = reason.code == ErrorCode::clock;
  if (auto* log = environment_.log(); log && is_clock && clock_is_told_) {
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

// Records that are polled meanwhile would be dropped, so the session polls none.
void BridgeCycles::rest(Duration wait) {
  rests_until_ = environment_.clock.now() + wait;
  abort_wanted_ = true;
  tasks_.pause_all();
}

void BridgeCycles::go_on_if_rested() {
  if (!rests_until_ || environment_.clock.now() < *rests_until_) return;
  rests_until_.reset();
  while (!late_.empty()) {
    if (!write(late_.front(), environment_.options.cycle_backoff.first)) return;
    late_.pop_front();
  }
  undo_all();
}

void BridgeCycles::undo_all() {
  if (rests_until_) return;  // the end of the rest does it
  abort_wanted_ = environment_.book.in_flight();
  if (abort_wanted_) return;  // its outcome comes first; slices that come until then are dropped
  go_back();
}

void BridgeCycles::go_back() {
  const std::set<TaskId> keep = tasks_.that_keep_on();
  is_full_ = false;
  environment_.book.undone();
  tasks_.hold_back();
  BridgeEnvironment::check(environment_.session->abort());
  went_back_ = true;
  environment_.metrics->rewinds.add();
  environment_.wants_step = true;
  tasks_.go_back(keep);
}

}  // namespace eventy
