// The memory store, judged by the suite for every store.
#include "store_suite.hpp"

#define CAF_SUITE conformance_memory
#include "caf/test/unit_test.hpp"

namespace {

class Memory final : public eventy::conformance::Subject {
 public:
  eventy::RecordStore& store() override { return store_; }
  void reopen() override { throw std::logic_error("the memory store is not durable"); }
  eventy::MemoryStore* commands() override { return &store_; }

 private:
  eventy::MemoryStore store_ = {};
};

const bool added = eventy::conformance::add_store_suite(
    CAF_XSTR(CAF_SUITE), {.durable = false, .multiple_members = true, .unknown_outcomes = true}, true,
    [] { return std::make_unique<Memory>(); });

}  // namespace
