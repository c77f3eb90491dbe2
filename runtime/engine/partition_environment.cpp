#include "partition_environment.hpp"

#include <spdlog/spdlog.h>

#include "log_level.hpp"

namespace eventy {

PartitionEnvironment::PartitionEnvironment(std::shared_ptr<const Routes> of, PartitionId id, const Clock& by,
                                           std::shared_ptr<TurnWatch> watched,
                                           std::shared_ptr<PartitionMetrics> counted)
    : routes(std::move(of)),
      runtime(*routes->runtime),
      plan(runtime.plan()),
      partition(id),
      clock(by),
      watch(std::move(watched)),
      metrics(std::move(counted)) {}

void PartitionEnvironment::log(LogLevel level, std::string_view correlation_id, std::string_view text) const {
  if (const auto& logger = runtime.options().log)
    logger->log(log_level(level), "[{}/{} {}] {}", plan.name, partition.value, correlation_id, text);
}

}  // namespace eventy
