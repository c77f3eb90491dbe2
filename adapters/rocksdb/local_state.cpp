#include "eventy/rocksdb/local_state.hpp"

#include "local_copy.hpp"

namespace eventy::rocksdb {
namespace {

using detail::Copies;
using detail::LocalCopy;

class Handle final : public LocalState {
 public:
  Handle(std::shared_ptr<LocalCopy> copy, std::uint64_t owner) : copy_(std::move(copy)), owner_(owner) {}

  Result<std::optional<std::string>> get(std::string_view key) const override { return copy_->get(key); }
  Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
    return copy_->apply(owner_, changes, place);
  }
  Result<LogPosition> place() const override { return copy_->place(); }
  Result<void> clear() override { return copy_->clear(owner_); }

 private:
  std::shared_ptr<LocalCopy> copy_;
  std::uint64_t owner_;
};

// Holds the folder. Destroyed with the last copy of the function that opens local states.
class Opener {
 public:
  explicit Opener(std::shared_ptr<Copies> copies) : copies_(std::move(copies)) {}
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  ~Opener() { copies_->close(); }

  // The one copy of a partition, which all its owners share.
  std::shared_ptr<LocalCopy> copy(const std::string& service, PartitionId partition) {
    const std::lock_guard lock(mutex_);
    auto& copy = opened_[{service, partition}];
    if (!copy) copy = std::make_shared<LocalCopy>(copies_, service, partition);
    return copy;
  }

 private:
  std::shared_ptr<Copies> copies_;
  std::mutex mutex_ = {};  // guards opened_
  std::map<std::pair<std::string, PartitionId>, std::shared_ptr<LocalCopy>> opened_ = {};
};

}  // namespace

Result<OpenLocalState> local_state(const LocalStateOptions& options) {
  auto copies = Copies::open(options);
  if (!copies) return copies.error();
  return OpenLocalState(
      [opener = std::make_shared<Opener>(*std::move(copies))](
          const std::string& service, PartitionId partition) -> Result<std::unique_ptr<LocalState>> {
        auto copy = opener->copy(service, partition);
        const auto owner = copy->take_over();
        if (!owner) return owner.error();
        return std::unique_ptr<LocalState>(std::make_unique<Handle>(std::move(copy), *owner));
      });
}

}  // namespace eventy::rocksdb
