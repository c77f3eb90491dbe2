// Copies of states in RocksDB, judged by the suite for every LocalState.
#include "eventy/rocksdb/local_state.hpp"
#include "local_state_suite.hpp"
#include "support/temporary_folder.hpp"

#define CAF_SUITE local_state_rocksdb
#include "caf/test/unit_test.hpp"

namespace {

class OnDisk final : public eventy::conformance::LocalStateSubject {
 public:
  OnDisk() { restart(); }
  const eventy::OpenLocalState& open() override { return open_; }
  void restart() override {
    open_ = nullptr;
    // Small, so that the tests reach the files.
    open_ = eventy::rocksdb::local_state(
                {.folder = folder_.path(), .cache_size = 256u << 10, .write_buffer_size = 512u << 10})
                .value();
  }

 private:
  eventy::tests::TemporaryFolder folder_ = {};  // outlives the copies
  eventy::OpenLocalState open_ = {};
};

const bool added = eventy::conformance::add_local_state_suite(CAF_XSTR(CAF_SUITE),
                                                              eventy::conformance::Survives::the_process,
                                                              [] { return std::make_unique<OnDisk>(); });

}  // namespace
