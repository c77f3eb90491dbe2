// The simulated store, as long as no fault is asked of it, judged by the suite for every store; it has one
// thread only.
#include "store_suite.hpp"

#include "eventy/testing/simulated_store.hpp"

#define CAF_SUITE conformance_simulated
#include "caf/test/unit_test.hpp"

namespace {

using namespace eventy::testing;

class Simulated final : public eventy::conformance::Subject {
 public:
  eventy::RecordStore& store() override { return store_; }
  void reopen() override { throw std::logic_error("the simulated store is not durable"); }

 private:
  eventy::SystemClock clock_ = {};
  Random chance_{1};
  Trace trace_{};
  SimulatedStore store_{clock_, chance_, trace_};
};

constexpr eventy::StoreFeatures features{
    .durable = false, .multiple_members = true, .unknown_outcomes = true};
const bool added = eventy::conformance::add_store_suite(CAF_XSTR(CAF_SUITE), features, false,
                                                        [] { return std::make_unique<Simulated>(); },
                                                        {"state_is_read_from_any_thread"});

}  // namespace
