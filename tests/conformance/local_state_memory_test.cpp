// Copies of states in memory, judged by the suite for every LocalState.
#include "local_state_suite.hpp"

#include <stdexcept>

#define CAF_SUITE local_state_memory
#include "caf/test/unit_test.hpp"

namespace {

class InMemory final : public eventy::conformance::LocalStateSubject {
 public:
  const eventy::OpenLocalState& open() override { return open_; }
  void restart() override { throw std::logic_error("copies in memory are not durable"); }

 private:
  eventy::OpenLocalState open_ = eventy::local_state_in_memory();
};

const bool added = eventy::conformance::add_local_state_suite(
    CAF_XSTR(CAF_SUITE), eventy::conformance::Survives::nothing, [] { return std::make_unique<InMemory>(); });

}  // namespace
