// What the supervisor gives to the actor of a task: a partition or a source.
#pragma once

#include "../host.hpp"
#include "eventy/engine/metrics.hpp"
#include "eventy/engine/turn_watch.hpp"

namespace eventy::actors {

struct TaskSetup {
  TaskId task;
  Epoch epoch;
  std::shared_ptr<const Routes> routes;
  std::shared_ptr<const StateReader> state;
  Ref<ToBridge> bridge;
  std::size_t source_slices_in_flight = 4;
  std::size_t source_records_per_poll = 1000;
  std::shared_ptr<TurnWatch> watch = std::make_shared<TurnWatch>();
  std::shared_ptr<ServiceMetrics> metrics = std::make_shared<ServiceMetrics>("");  // it uses its own there
};

}  // namespace eventy::actors
