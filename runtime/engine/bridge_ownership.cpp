#include "bridge_ownership.hpp"

#include <spdlog/spdlog.h>

namespace eventy {

void BridgeOwnership::assigned(const Assigned& e) {
  if (auto* log = environment_.log())
    log->debug("service {}: {} partitions are assigned, their states are restored now",
               environment_.service(), e.partitions.size());
  for (const PartitionId p : e.partitions) tasks_.add(p);
  if (const auto& views = environment_.options.views) views->assigned(e.partitions);
  restores_.begin(e.partitions, environment_.clock.now());
}

void BridgeOwnership::restoring(const Restoring& e) {
  const auto before = restores_.records();
  restores_.progress(e.partition, e.done, e.total);
  environment_.metrics->restored.add(restores_.records() - before);
}

void BridgeOwnership::restored(const Restored& e) {
  restores_.restored(e.partition);
  if (auto* log = environment_.log())
    log->debug("service {}: partition {} is restored, {} records of the log were replayed",
               environment_.service(), e.partition.value, e.replayed);
  if (const auto& views = environment_.options.views) views->restored(e);
  start({e.partition}, e.state);
  const auto& sources = environment_.runtime->plan().sources;
  for (std::uint32_t s = 0; s < sources.size(); ++s)
    if (partition_of(sources[s].name, environment_.routes->lead_partitions()) == e.partition)
      start({e.partition, s}, e.state);
}

// What it reads now may be older than the outcome that comes.
void BridgeOwnership::start(TaskId task, std::shared_ptr<const StateReader> state) {
  tasks_.start(task, std::move(state)).missed = cycles_.is_undoing();
}

// Nothing more is taken from them. What is in hand is committed, then let_go() answers.
void BridgeOwnership::revoked(const Revoked& e) {
  for (const PartitionId p : e.partitions) environment_.session->pause(p);
  leave(e.partitions);
  let_go();
}

void BridgeOwnership::lost(const Lost& e) {
  leave(e.partitions);
  cycles_.undo_all();
  let_go();
}

void BridgeOwnership::leave(const std::vector<PartitionId>& partitions) {
  if (const auto& views = environment_.options.views) views->gone(partitions);
  auto& revoked = environment_.revoked;
  revoked.insert(revoked.end(), partitions.begin(), partitions.end());
  tasks_.leave(partitions);
}

// The cycles of the partitions that stay go on meanwhile. So each partition goes by itself, or they would
// keep it for ever.
void BridgeOwnership::let_go() {
  std::vector<PartitionId> gone;
  std::erase_if(environment_.revoked, [&](PartitionId p) {
    if (environment_.book.holds(p)) return false;
    gone.push_back(p);
    return true;
  });
  if (!environment_.revoked.empty()) cycles_.commit_if_due();
  if (gone.empty()) return;
  for (const PartitionId p : gone) {
    restores_.gone(p);
    environment_.session->resume(p);  // it may be assigned again
    tasks_.stop(p);
  }
  environment_.session->release(gone);
}

void BridgeOwnership::report_restores() {
  environment_.metrics->restoring.set(restores_.partitions());
  environment_.metrics->to_restore.set(restores_.records_left());
  const auto line = restores_.line(environment_.clock.now());
  if (auto* log = environment_.log(); log && line) log->info("service {}: {}", environment_.service(), *line);
}

}  // namespace eventy
