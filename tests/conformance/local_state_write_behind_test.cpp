// Copies of states in RocksDB behind memory, judged by the suite for every LocalState.
#include "eventy/rocksdb/local_state.hpp"
#include "eventy/store/write_behind.hpp"
#include "local_state_suite.hpp"
#include "support/temporary_folder.hpp"

#define CAF_SUITE local_state_write_behind
#include "caf/test/unit_test.hpp"

namespace {

using namespace eventy;

constexpr WriteBehind options{.limit = 256u << 10, .delay = Duration(2)};  // so that the tests reach both

class BeforeDisk final : public conformance::LocalStateSubject {
 public:
  BeforeDisk() { restart(); }
  const OpenLocalState& open() override { return open_; }
  void restart() override {
    open_ = nullptr;
    open_ = write_behind(
        rocksdb::local_state(
            {.folder = folder_.path(), .cache_size = 256u << 10, .write_buffer_size = 512u << 10})
            .value(),
        options);
  }

 private:
  tests::TemporaryFolder folder_ = {};  // outlives the copies
  OpenLocalState open_ = {};
};

const bool added = conformance::add_local_state_suite(CAF_XSTR(CAF_SUITE), conformance::Survives::the_process,
                                                      [] { return std::make_unique<BeforeDisk>(); });

}  // namespace
