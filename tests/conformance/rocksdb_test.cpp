// The embedded store, judged by the suite for every store.
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "store_suite.hpp"
#include "support/temporary_folder.hpp"

#define CAF_SUITE conformance_rocksdb
#include "caf/test/unit_test.hpp"

namespace {

class Embedded final : public eventy::conformance::Subject {
 public:
  Embedded() {
    options_.path = folder_.path();
    reopen();
  }
  eventy::RecordStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = eventy::rocksdb::open(options_).value();
  }

 private:
  eventy::tests::TemporaryFolder folder_ = {};  // outlives the store
  eventy::rocksdb::Options options_ = {};
  std::unique_ptr<eventy::RecordStore> store_ = {};
};

const bool added = eventy::conformance::add_store_suite(
    CAF_XSTR(CAF_SUITE), {.durable = true, .multiple_members = false, .unknown_outcomes = false}, false,
    [] { return std::make_unique<Embedded>(); });

}  // namespace
