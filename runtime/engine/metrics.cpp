#include "eventy/engine/metrics.hpp"

namespace eventy {

PartitionStats& PartitionStats::operator+=(const PartitionStats& other) {
  records += other.records;
  turns += other.turns;
  failed_turns += other.failed_turns;
  retries += other.retries;
  dead_letters += other.dead_letters;
  dropped += other.dropped;
  parked += other.parked;
  released += other.released;
  pauses += other.pauses;
  return *this;
}

PartitionStats PartitionMetrics::snapshot() const {
  return {.records = records.value(),
          .turns = turns.value(),
          .failed_turns = failed_turns.value(),
          .retries = retries.value(),
          .dead_letters = dead_letters.value(),
          .dropped = dropped.value(),
          .parked = parked.value(),
          .released = released.value(),
          .pauses = pauses.value()};
}

SourceStats& SourceStats::operator+=(const SourceStats& other) {
  records += other.records;
  dead_letters += other.dead_letters;
  return *this;
}

SourceStats SourceMetrics::snapshot() const {
  return {.records = records.value(), .dead_letters = dead_letters.value()};
}

BridgeStats BridgeMetrics::snapshot() const {
  return {.cycles = cycles.value(),
          .aborted = aborted.value(),
          .records = records.value(),
          .stale_slices = stale_slices.value(),
          .rewinds = rewinds.value(),
          .restored = restored.value(),
          .restoring = restoring.value(),
          .to_restore = to_restore.value()};
}

SupervisionStats SupervisionMetrics::snapshot() const {
  return {.partition_restarts = partition_restarts.value(),
          .source_restarts = source_restarts.value(),
          .bridge_restarts = bridge_restarts.value(),
          .service_restarts = service_restarts.value(),
          .escalations = escalations.value(),
          .slow_handlers = slow_handlers.value(),
          .stuck_handlers = stuck_handlers.value()};
}

namespace {

template <class Id, class Metrics>
std::shared_ptr<Metrics> find_or_make(std::map<Id, std::shared_ptr<Metrics>>& all, Id id) {
  const auto it = all.find(id);
  return it != all.end() ? it->second : all.emplace(id, std::make_shared<Metrics>()).first->second;
}

}  // namespace

std::shared_ptr<PartitionMetrics> ServiceMetrics::partition(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  return find_or_make(partitions_, partition);
}

std::shared_ptr<SourceMetrics> ServiceMetrics::source(TaskId task) {
  const std::lock_guard lock(mutex_);
  return find_or_make(sources_, task);
}

void ServiceMetrics::count_failure(const std::string& error_class) {
  const std::lock_guard lock(mutex_);
  ++failures_[error_class];
}

ServiceCounts ServiceMetrics::snapshot() const {
  ServiceCounts counts{supervision_.snapshot()};
  counts.service = service_;
  counts.of_bridge = bridge_->snapshot();
  const std::lock_guard lock(mutex_);
  counts.failures = failures_;
  for (const auto& [partition, metrics] : partitions_)
    counts.of_partitions += counts.by_partition[partition] = metrics->snapshot();
  for (const auto& [task, metrics] : sources_) counts.of_sources += metrics->snapshot();
  return counts;
}

}  // namespace eventy
