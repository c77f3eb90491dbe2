// What the simulated services say to each other.
#pragma once

#include "eventy/service.hpp"

namespace eventy::simulation {

// --- from outside ---
struct Clicked {
  std::int64_t id = 0;
  EVENTY_FIELDS(id);
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Noted {
  std::int64_t id = 0;
  EVENTY_FIELDS(id);
  using record = Event<"urn:web", "Noted", "1.0.0">;
};

// --- from alpha ---
struct Chained {  // exactly once, for each Clicked
  std::int64_t id = 0;
  std::uint64_t chain = 0;
  EVENTY_FIELDS(id, chain);
  using record = Event<"urn:alpha", "Chained", "1.0.0">;
};
struct Seen {  // at least once, for each Clicked
  std::int64_t id = 0;
  EVENTY_FIELDS(id);
  using record = Event<"urn:alpha", "Seen", "1.0.0">;
};
struct Maybe {  // at most once, for each Clicked
  std::int64_t id = 0;
  EVENTY_FIELDS(id);
  using record = Event<"urn:alpha", "Maybe", "1.0.0">;
};
struct Kept {  // of an at-least-once handler that changes state, for each Noted
  std::int64_t id = 0;
  std::uint64_t chain = 0;
  EVENTY_FIELDS(id, chain);
  using record = Event<"urn:alpha", "Kept", "1.0.0">;
};
struct Ticked {  // of alpha's source
  std::int64_t id = 0;
  EVENTY_FIELDS(id);
  using record = Event<"urn:alpha", "Ticked", "1.0.0">;
};
struct Answered {  // for each Answer or refusal
  std::string request;
  std::uint64_t chain = 0;
  EVENTY_FIELDS(request, chain);
  using record = Event<"urn:alpha", "Answered", "1.0.0">;
};

// --- between alpha and beta ---
struct Answer {
  std::int64_t id = 0;
  std::uint64_t chain = 0;
  EVENTY_FIELDS(id, chain);
  using record = Response<"urn:beta", "Answer", "1.0.0">;
};
struct Ask {
  std::int64_t id = 0;
  EVENTY_FIELDS(id);
  using record = Request<"urn:beta", "Ask", "1.0.0", Answer>;
};

// A key's state: a chain for each handler, in which order, loss and doubling show.
struct Chains {
  std::uint64_t clicked = 0, noted = 0, ticked = 0, answered = 0;
  EVENTY_FIELDS(clicked, noted, ticked, answered);
};
struct GetChains {  // about a key of alpha
  EVENTY_FIELDS();
  using record = Query<"GetChains", Chains>;
};
struct Asked {
  std::uint64_t asks = 0, chained = 0;
  EVENTY_FIELDS(asks, chained);
};
struct TickPosition {
  std::int64_t next = 0;
  EVENTY_FIELDS(next);
};

// The rules that services and oracle have in common: what the world is, not how it is handled.
inline std::uint64_t link(std::uint64_t chain, std::uint64_t value) {
  std::uint64_t z = (chain ^ value) + 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}
inline std::uint64_t link(std::uint64_t chain, std::int64_t value) {
  return link(chain, static_cast<std::uint64_t>(value));
}
inline std::uint64_t link(std::uint64_t chain, std::string_view text) {
  for (const char c : text) chain = link(chain, static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
  return chain;
}
inline bool asks(std::int64_t click) { return click % 3 == 0; }
inline std::string asked_key(std::int64_t click) { return "b" + std::to_string(click / 3 % 4); }
inline bool is_refused(std::int64_t ask) { return ask % 5 == 0; }
inline bool is_bad_line(std::int64_t tick) { return tick % 9 == 4; }
inline std::string tick_key(std::int64_t tick) { return "t" + std::to_string(tick % 3); }
inline std::string tick_place(std::int64_t tick) { return "line " + std::to_string(tick); }

}  // namespace eventy::simulation
