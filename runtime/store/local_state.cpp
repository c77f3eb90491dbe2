#include "eventy/store/local_state.hpp"

#include <map>
#include <mutex>

namespace eventy {
namespace {

class InMemory final : public LocalState {
 public:
  Result<std::optional<std::string>> get(std::string_view key) const override {
    std::lock_guard lock(mutex_);
    const auto it = values_.find(key);
    if (it == values_.end()) return std::optional<std::string>();
    return std::optional(it->second);
  }
  Result<void> apply(std::span<const Change> changes, const LogPlace& place) override {
    std::lock_guard lock(mutex_);
    for (const auto& [key, value] : changes) {
      if (value) {
        values_.insert_or_assign(std::string(key), std::string(*value));
      } else if (const auto it = values_.find(key); it != values_.end()) {
        values_.erase(it);
      }
    }
    place_ = place;
    return {};
  }
  Result<LogPlace> place() const override {
    std::lock_guard lock(mutex_);
    return place_;
  }
  Result<void> clear() override {
    std::lock_guard lock(mutex_);
    values_.clear();
    place_ = {};
    return {};
  }

 private:
  mutable std::mutex mutex_ = {};
  std::map<std::string, std::string, std::less<>> values_ = {};
  LogPlace place_ = {};
};

}  // namespace

OpenLocalState local_state_in_memory() {
  return [](const std::string&, PartitionId) -> Result<std::unique_ptr<LocalState>> {
    return std::unique_ptr<LocalState>(std::make_unique<InMemory>());
  };
}

}  // namespace eventy
