#include "eventy/store/local_state.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace eventy {
namespace {

// The length of the prefix that all keys share.
std::size_t common_prefix(std::span<const LocalState::Change> changes) {
  if (changes.empty()) return 0;
  std::string_view common = changes.front().first;
  for (const auto& [key, value] : changes) {
    const auto differs = std::mismatch(common.begin(), common.end(), key.begin(), key.end()).first;
    common = common.substr(0, static_cast<std::size_t>(differs - common.begin()));
  }
  return common.size();
}

// Up to 8 bytes as a number with the same order.
std::uint64_t head_of(std::string_view bytes) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i)
    head = head << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0);
  return head;
}

class InMemory final : public LocalState {
 public:
  Result<std::optional<std::string>> get(std::string_view key) const override {
    std::lock_guard lock(mutex_);
    const auto it = values_.find(key);
    if (it == values_.end()) return std::optional<std::string>();
    return std::optional(it->second);
  }
  Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
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
  Result<LogPosition> place() const override {
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
  LogPosition place_ = {};
};

}  // namespace

std::vector<std::uint32_t> in_key_order(std::span<const LocalState::Change> changes) {
  struct Entry {
    std::uint64_t head;  // of the key, after the common prefix: nearly always decides the order
    std::uint32_t index;
  };
  const std::size_t common = common_prefix(changes);
  std::vector<Entry> entries;
  entries.reserve(changes.size());
  for (std::uint32_t i = 0; i < changes.size(); ++i)
    entries.push_back({head_of(changes[i].first.substr(common)), i});
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = changes[a.index].first.compare(changes[b.index].first);
    return order != 0 ? order < 0 : a.index < b.index;
  });
  std::vector<std::uint32_t> order;
  order.reserve(entries.size());
  for (const auto& entry : entries) order.push_back(entry.index);
  return order;
}

OpenLocalState local_state_in_memory() {
  return [](const std::string&, PartitionId) -> Result<std::unique_ptr<LocalState>> {
    return std::unique_ptr<LocalState>(std::make_unique<InMemory>());
  };
}

}  // namespace eventy
