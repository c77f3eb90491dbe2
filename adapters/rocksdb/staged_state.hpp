// The state changes of one cycle: only the last value of each key is written, however many slices changed it.
// Owned by one session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eventy::rocksdb::detail {

class StagedState {
 public:
  // `prefix` and `key` together are the key in the database.
  void set(std::string_view prefix, std::string_view key, const std::optional<std::string>& value);
  void clear();  // keeps memory
  bool empty() const { return changes_.empty(); }
  std::size_t bytes() const { return bytes_.size(); }

  struct Change {
    std::size_t key_at = 0, value_at = 0;
    std::uint32_t key_size = 0, value_size = 0;
    std::uint64_t hash = 0;
    bool erased = false;
  };
  const std::vector<Change>& changes() const { return changes_; }
  std::string_view key(const Change& c) const {
    return std::string_view(bytes_).substr(c.key_at, c.key_size);
  }
  std::string_view value(const Change& c) const {
    return std::string_view(bytes_).substr(c.value_at, c.value_size);
  }

 private:
  Change& find(std::size_t key_at);
  void grow();

  std::string bytes_ = {};
  std::vector<Change> changes_ = {};
  std::vector<std::uint32_t> table_ = {};  // open addressing, power of two; index into changes_ + 1
};

}  // namespace eventy::rocksdb::detail
