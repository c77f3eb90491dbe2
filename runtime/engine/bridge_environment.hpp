// What the parts of one BridgeEngine share: its session, the clock, the book of cycles, and the actions that
// it returns. Owned by the engine, outlives its parts; one thread.
#pragma once

#include "eventy/engine/bridge_engine.hpp"

namespace eventy {

struct BridgeEnvironment {
  BridgeEnvironment(std::shared_ptr<const ServiceRuntime> runtime, std::unique_ptr<StoreSession> session,
                    const BridgeOptions& options, const Clock& clock, std::shared_ptr<BridgeMetrics> metrics);

  // Throws Failure for an error: the session is over.
  static void check(const Result<void>& result);
  const std::string& service() const { return runtime->plan().name; }
  spdlog::logger* log() const { return runtime->options().log.get(); }  // null: silent

  const std::shared_ptr<const ServiceRuntime> runtime;
  const std::unique_ptr<StoreSession> session;
  const std::shared_ptr<const Routes> routes;
  const BridgeOptions options;
  const Clock& clock;
  CommitCycles book;
  std::vector<BridgeAction> actions = {};
  const std::shared_ptr<BridgeMetrics> metrics;
  std::vector<PartitionId> revoked = {};  // not released yet; they want an early commit
  bool is_draining = false;
  bool wants_step = false;     // more is waiting than one round took
  std::uint64_t activity = 0;  // grows with all that could make work for another service
};

}  // namespace eventy
