// What the parts of one PartitionEngine share: its service and partition, the time of the step, the log and
// the metrics. Owned by the engine, outlives its parts; one thread.
#pragma once

#include "eventy/engine/partition_engine.hpp"

namespace eventy {

struct PartitionEnvironment {
  PartitionEnvironment(std::shared_ptr<const Routes> routes, PartitionId partition, const Clock& clock,
                       std::shared_ptr<TurnWatch> watch, std::shared_ptr<PartitionMetrics> metrics);

  void read_clock() { now = clock.now(), date = clock.date(); }
  // Logs a line with service, partition and the correlation id of the input; empty: no input.
  void log(LogLevel level, std::string_view correlation_id, std::string_view text) const;

  const std::shared_ptr<const Routes> routes;
  const ServiceRuntime& runtime;
  const Plan& plan;
  const PartitionId partition;
  const Clock& clock;
  const std::shared_ptr<TurnWatch> watch;
  const std::shared_ptr<PartitionMetrics> metrics;
  MonotonicTime now = {};  // when the step began
  Instant date = {};       // of the same moment
};

}  // namespace eventy
