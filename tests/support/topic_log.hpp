// What is committed in a topic, read whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventy/store/record_store.hpp"

namespace eventy::support {

struct Seen {
  std::int64_t offset = 0;
  std::optional<std::string> key = {};
  std::string value = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool tombstone = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

inline std::vector<Seen> seen_in(const Batch& batch) {
  std::vector<Seen> result;
  for (const auto& r : batch.records) {
    Seen seen{r.offset.value, {}, std::string(r.value), {}};
    seen.tombstone = r.tombstone;
    if (r.key) seen.key = std::string(*r.key);
    for (std::uint32_t h = 0; h < r.headers; ++h) {
      const Header& header = batch.headers[r.first_header + h];
      seen.headers.emplace_back(header.name, header.value);
    }
    result.push_back(std::move(seen));
  }
  return result;
}

// All that is committed in a topic partition.
inline std::vector<Seen> log_of(RecordStore& store, const std::string& topic, std::uint32_t partition = 0,
                                std::int64_t from = 0) {
  auto reader = store.read(topic, PartitionId{partition}, Offset{from}).value();
  std::vector<Seen> all;
  for (;;) {
    auto batch = reader->next({}).value();
    if (batch->records.empty()) return all;
    for (auto& seen : seen_in(*batch)) all.push_back(std::move(seen));
  }
}

}  // namespace eventy::support
