// What the golden files hold that are written through types: a value of every kind, and two services.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventy/service.hpp"

namespace golden {

enum class Colour : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }

struct Leg {
  std::string dest;
  std::optional<std::int32_t> km = {};
  EVENTY_FIELDS(dest, km);
};
struct Crate {
  bool flag = false;
  std::int32_t small = 0;
  std::int64_t least = 0;
  std::uint64_t most = 0;
  double real = 0;
  float single = 0;
  std::string text = {};
  std::vector<std::byte> raw = {};
  eventy::Instant at = {};
  std::optional<std::string> absent = {};
  Colour colour = Colour::red;
  std::vector<std::int64_t> numbers = {};
  std::map<std::string, std::string> labels = {};
  std::vector<Leg> legs = {};
  EVENTY_FIELDS(flag, small, least, most, real, single, text, raw, at, absent, colour, numbers, labels, legs);
  using record = eventy::Event<"urn:golden:depot", "Packed", "1.4.0">;
};

// Avro has no integer above `most`; the other formats have.
inline Crate crate(std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  return {.flag = true,
          .small = -1,
          .least = std::numeric_limits<std::int64_t>::min(),
          .most = most,
          .real = 0.1,
          .single = -2.5F,
          .text = "é\U0001f600\"\n",
          .raw = {std::byte{0}, std::byte{0xff}, std::byte{0x7f}},
          .at = eventy::Instant(eventy::Duration(-86'400'001)),
          .absent = {},
          .colour = Colour::green,
          .numbers = {0, -64, 64, 1'000'000'007},
          .labels = {{"", "empty name"}, {"é", ""}},
          .legs = {{"CDG", 344}, {"", {}}}};
}

// --- records, states and a source's position in a store ---

struct Sold {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = eventy::Event<"urn:till", "Sold", "1.0.0">;
};
struct Booked {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = eventy::Event<"urn:shop", "Booked", "1.0.0">;
};
struct Sales {
  std::int64_t cents = 0, count = 0;
  EVENTY_FIELDS(cents, count);
};
struct Line {
  std::int64_t next = 0;
  EVENTY_FIELDS(next);
};

enum class Book : std::uint8_t { refuses_returns, takes_returns };

inline eventy::Service till() {
  return eventy::service<>("till").source<Line>("lines", [](eventy::Poll<Line>& poll) {
    static const std::vector<std::pair<std::string, std::int64_t>> lines{
        {"ann", 100}, {"bob", -1}, {"bob", 5}, {"é", 7}};
    auto at = static_cast<std::size_t>(poll.position().next);
    if (at == lines.size()) return poll.poll_again_after(eventy::Duration(1000));
    for (; at < lines.size(); ++at) poll.emit(Sold{lines[at].second}, lines[at].first);
    poll.advance({static_cast<std::int64_t>(at)});
  });
}
inline eventy::Service shop(Book book) {
  return eventy::service<Sales>("shop")
      .on([book](eventy::Turn<Sales>& turn, const Sold& sold) {
        if (sold.cents < 0 && book == Book::refuses_returns) throw std::runtime_error("a return");
        Sales& sales = turn.edit();
        sales.cents += sold.cents, ++sales.count;
        turn.emit(Booked{sold.cents});
      })
      .on_failure({.then = eventy::FinalAction::park_key});
}

}  // namespace golden
