// Copies of states that take changes into memory first, judged by the suite for every LocalState where most
// of them are loaded.
#include "eventy/store/write_behind.hpp"

#include "local_state_suite.hpp"

#include <stdexcept>

#define CAF_SUITE local_state_loading
#include "caf/test/unit_test.hpp"

namespace {

using namespace eventy;

constexpr WriteBehind options{.limit = 256u << 10, .delay = Duration(2)};  // so that the tests reach both

// Loads two of three changes that it is to apply.
class Loading final : public LocalState {
 public:
  explicit Loading(std::unique_ptr<LocalState> copy) : copy_(std::move(copy)) {}
  Result<std::optional<std::string>> get(std::string_view key) const override { return copy_->get(key); }
  Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
    return ++count_ % 3 == 0 ? copy_->apply(changes, place) : copy_->load(changes, place);
  }
  Result<LogPosition> place() const override { return copy_->place(); }
  Result<void> clear() override { return copy_->clear(); }

 private:
  std::unique_ptr<LocalState> copy_;
  int count_ = 0;
};

class BeforeMemory final : public conformance::LocalStateSubject {
 public:
  const OpenLocalState& open() override { return open_; }
  void restart() override { throw std::logic_error("copies in memory are not durable"); }

 private:
  OpenLocalState open_ = [copies = write_behind(local_state_in_memory(), options)](
                             const std::string& service,
                             PartitionId partition) -> Result<std::unique_ptr<LocalState>> {
    return std::unique_ptr<LocalState>(std::make_unique<Loading>(copies(service, partition).value()));
  };
};

const bool added = conformance::add_local_state_suite(CAF_XSTR(CAF_SUITE), conformance::Survives::nothing,
                                                      [] { return std::make_unique<BeforeMemory>(); });

}  // namespace
