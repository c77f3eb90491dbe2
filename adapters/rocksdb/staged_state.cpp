#include "staged_state.hpp"

#include "eventy/core/ids.hpp"

namespace eventy::rocksdb::detail {
namespace {
constexpr std::size_t smallest_table = 1024;
constexpr std::size_t kept_bytes = 64u << 20;
}  // namespace

void StagedState::set(std::string_view prefix, std::string_view key,
                      const std::optional<std::string>& value) {
  const std::size_t key_at = bytes_.size();
  bytes_.append(prefix).append(key);
  Change& change = find(key_at);
  change.erased = !value;
  change.value_at = bytes_.size();
  change.value_size = value ? static_cast<std::uint32_t>(value->size()) : 0;
  if (value) bytes_.append(*value);
}

// Finds the change of the key that is at the end of bytes_, or adds one. For a known key, drops that second
// copy of the key.
StagedState::Change& StagedState::find(std::size_t key_at) {
  if (changes_.size() * 2 >= table_.size()) grow();
  const auto key = std::string_view(bytes_).substr(key_at);
  const std::uint64_t hash = hash64(key);
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = hash & mask;
  for (; table_[slot] != 0; slot = (slot + 1) & mask) {
    Change& known = changes_[table_[slot] - 1];
    if (known.hash != hash || this->key(known) != key) continue;
    bytes_.resize(key_at);
    return known;
  }
  Change& change = changes_.emplace_back();
  change.key_at = key_at;
  change.key_size = static_cast<std::uint32_t>(key.size());
  change.hash = hash;
  table_[slot] = static_cast<std::uint32_t>(changes_.size());
  return change;
}

void StagedState::grow() {
  table_.assign(std::max(smallest_table, table_.size() * 2), 0);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    std::size_t slot = changes_[i].hash & mask;
    while (table_[slot] != 0) slot = (slot + 1) & mask;
    table_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

void StagedState::clear() {
  if (changes_.empty()) return;
  changes_.clear();
  bytes_.clear();
  if (bytes_.capacity() > kept_bytes) bytes_.shrink_to_fit();
  table_.assign(table_.size(), 0);
}

}  // namespace eventy::rocksdb::detail
