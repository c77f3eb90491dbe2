// The service `counter` in its next version: clicks are counted by page. It reads what the first version left
// behind, records and states, by upgrade functions.
#pragma once

#include <map>

#include "../counter/counter.hpp"

namespace new_version {

struct Clicked {  // 2.0.0: a page is required, and the number is gone
  std::string page;
  EVENTY_FIELDS(page);
  using record = eventy::Event<"urn:bench", "Clicked", "2.0.0">;
  static Clicked upgrade(const counter::Clicked& old) { return {old.page.value_or("")}; }
};
struct Counted {  // 1.1.0: one optional member more, which readers of 1.0.0 pass over
  std::string key;
  std::int64_t count = 0;
  std::optional<std::string> page = {};
  EVENTY_FIELDS(key, count, page);
  using record = eventy::Event<"urn:counter", "Counted", "1.1.0">;
};
struct Tally {
  std::map<std::string, std::int64_t> pages;  // "": clicks that were counted before there were pages
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
