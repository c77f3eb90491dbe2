// The result of the flights example, read from committed state.
#pragma once

#include <map>
#include <string>

#include "eventy/engine/runtime.hpp"
#include "vocabulary.hpp"

namespace flights {

struct Report {
  std::map<std::string, Carrier> carriers;
  std::int64_t requested = 0, confirmed = 0, refused = 0, aircraft = 0;
};

// Works with and without a running node.
eventy::Result<Report> read_report(const eventy::RecordStore& store, const eventy::StateFormat& format);
std::string as_table(const Report& report);
std::string as_json(const Report& report);
// Rows of the input that are committed; 0 before the first commit.
std::uint64_t committed_rows(const eventy::RecordStore& store, const eventy::StateFormat& format);

}  // namespace flights
