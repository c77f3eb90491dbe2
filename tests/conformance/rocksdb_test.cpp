// The embedded store, judged by the suite for every store.
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "store_suite.hpp"

#include <stdlib.h>

#include <filesystem>

#define CAF_SUITE conformance_rocksdb
#include "caf/test/unit_test.hpp"

namespace {

class Embedded final : public eventy::conformance::Subject {
 public:
  Embedded() {
    auto pattern = (std::filesystem::temp_directory_path() / "eventy-conformance-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot create a folder like " + pattern);
    options_.path = pattern;
    reopen();
  }
  ~Embedded() override {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(options_.path, ignored);
  }
  eventy::RecordStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = eventy::rocksdb::open(options_).value();
  }

 private:
  eventy::rocksdb::Options options_ = {};
  std::unique_ptr<eventy::RecordStore> store_ = {};
};

const bool added = eventy::conformance::add_store_suite(
    CAF_XSTR(CAF_SUITE), {.durable = true, .many_members = false, .unknown_outcomes = false}, false,
    [] { return std::make_unique<Embedded>(); });

}  // namespace
