#include "bridge_environment.hpp"

#include <algorithm>

namespace eventy {

namespace {

// Half of what a cycle of the store can hold. The rest is for the slices that come before its commit.
CycleOptions limited(CycleOptions options, const StoreSession& session) {
  options.max_bytes = std::min(options.max_bytes, session.max_cycle_bytes() / 2);
  return options;
}

}  // namespace

BridgeEnvironment::BridgeEnvironment(std::shared_ptr<const ServiceRuntime> of,
                                     std::unique_ptr<StoreSession> owned, const BridgeOptions& chosen,
                                     const Clock& by, std::shared_ptr<BridgeMetrics> counted)
    : runtime(std::move(of)),
      session(std::move(owned)),
      routes(make_routes(runtime, *session)),
      options(chosen),
      clock(by),
      book(limited(options.cycle, *session)),
      metrics(std::move(counted)) {
  if (options.views) options.views->set_partitions(routes->lead_partitions());
}

void BridgeEnvironment::check(const Result<void>& result) {
  if (!result.ok()) throw Failure(result.error());
}

}  // namespace eventy
