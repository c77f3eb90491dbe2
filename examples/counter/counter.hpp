// The service `counter` and its records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "eventy/service.hpp"

namespace counter {

struct Clicked {
  std::int64_t n = 0;
  std::optional<std::string> page = {};
  EVENTY_FIELDS(n, page);
  using record = eventy::Event<"urn:bench", "Clicked", "1.0.0">;
};
struct Counted {
  std::string key;
  std::int64_t count = 0;
  EVENTY_FIELDS(key, count);
  using record = eventy::Event<"urn:counter", "Counted", "1.0.0">;
};
// The state of each key.
struct Tally {
  std::int64_t count = 0;
  EVENTY_FIELDS(count);
};

inline eventy::Service service() {
  return eventy::service<Tally>("counter").on(
      eventy::exactly_once, [](eventy::Turn<Tally>& turn, const Clicked&) {
        turn.emit(Counted{std::string(turn.key()), ++turn.edit().count});
      });
}

}  // namespace counter
