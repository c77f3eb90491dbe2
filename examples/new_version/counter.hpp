// The next version of the service `counter`: it counts clicks by page. Upgrade functions read the records and
// states that the first version wrote.
#pragma once

#include <map>

#include "../counter/counter.hpp"

namespace new_version {

// 2.0.0: the page is required, the number is gone.
struct Clicked {
  std::string page;
  EVENTY_FIELDS(page);
  using record = eventy::Event<"urn:bench", "Clicked", "2.0.0">;
  static Clicked upgrade(const counter::Clicked& old) { return {old.page.value_or("")}; }
};
// 1.1.0: one more optional member, which readers of 1.0.0 ignore.
struct Counted {
  std::string key;
  std::int64_t count = 0;
  std::optional<std::string> page = {};
  EVENTY_FIELDS(key, count, page);
  using record = eventy::Event<"urn:counter", "Counted", "1.1.0">;
};
struct Tally {
  std::map<std::string, std::int64_t> pages;  // "": clicks that were counted before pages
  EVENTY_FIELDS(pages);
  static constexpr std::uint16_t state_version = 2;
  static Tally upgrade(const counter::Tally& old) { return {{{"", old.count}}}; }
};

inline eventy::Service service() {
  return eventy::service<Tally>("counter")
      .on(eventy::exactly_once,
          [](eventy::Turn<Tally>& turn, const Clicked& c) {
            turn.emit(Counted{std::string(turn.key()), ++turn.edit().pages[c.page], c.page});
          })
      .emits<Counted>();
}

}  // namespace new_version
