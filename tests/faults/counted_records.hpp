// What the nodes of the fault tests read and write: the events `Given` of each key, counted by a service for
// each guarantee. The scripts that judge them know these names.
#pragma once

#include <string>

#include "eventy/service.hpp"

namespace eventy::tests {

struct Given {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:source", "Given", "1.0.0">;
};
struct Counted {  // n names the input, count says how many of the key came up to it
  std::int64_t n = 0, count = 0;
  EVENTY_FIELDS(n, count);
  using record = Event<"urn:exact", "Counted", "1.0.0">;
};
struct SeenAtLeastOnce {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:least", "Seen", "1.0.0">;
};
struct SeenAtMostOnce {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:most", "Seen", "1.0.0">;
};
struct Tally {
  std::int64_t count = 0, sum = 0;
  EVENTY_FIELDS(count, sum);
};

// Of a list such as "exact,least"; an empty one has one name, "".
template <class Visit>
void for_each_name(const std::string& list, Visit visit) {
  const std::string names = list + ",";
  for (std::size_t at = 0, end; (end = names.find(',', at)) != std::string::npos; at = end + 1)
    visit(names.substr(at, end - at));
}

}  // namespace eventy::tests
