// What every way of reading and writing must carry: two types of records, and samples of them that differ in
// all that differs from record to record. The small one is the counter's; the large one is nested.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/record.hpp"

namespace eventy::benchmark {

struct Clicked {
  std::int64_t n = 0;
  std::optional<std::string> page = {};
  EVENTY_FIELDS(n, page);
  friend bool operator==(const Clicked&, const Clicked&) = default;
};

enum class Channel : std::uint8_t { web, shop, phone };
inline constexpr std::array<std::string_view, 3> channels{"web", "shop", "phone"};
constexpr const auto& enum_names(Channel) { return channels; }

struct Address {
  std::string street, city, country;
  EVENTY_FIELDS(street, city, country);
  friend bool operator==(const Address&, const Address&) = default;
};

struct Line {
  std::string sku, title;
  std::int64_t quantity = 0;
  double price = 0;
  std::optional<double> discount = {};
  EVENTY_FIELDS(sku, title, quantity, price, discount);
  friend bool operator==(const Line&, const Line&) = default;
};

struct Placed {
  std::string number;
  Channel channel = Channel::web;
  bool paid = false;
  Instant placed = {};
  Address ship_to = {};
  std::vector<Line> lines = {};
  std::vector<std::string> tags = {};
  std::map<std::string, std::int64_t> totals = {};
  std::optional<std::string> note = {};
  EVENTY_FIELDS(number, channel, paid, placed, ship_to, lines, tags, totals, note);
  friend bool operator==(const Placed&, const Placed&) = default;
};

// A whole record. The envelope's texts, and the envelope itself, belong to who made it.
template <class Data>
struct Whole {
  const Envelope* envelope = nullptr;
  Context context = {};
  Data data = {};
};

// Records, and what they are made of.
template <class Data>
struct Samples {
  std::string_view name;
  std::vector<Record> records = {};
  std::vector<Envelope> envelopes = {};
  std::vector<Whole<Data>> wholes = {};  // the last to be made: they point to the envelopes
};
inline constexpr std::size_t sample_count = 64;
const Samples<Clicked>& small_samples();
const Samples<Placed>& large_samples();

// What differs first, for whoever has to find it; empty: nothing.
std::string difference(const Envelope& a, const Envelope& b);

}  // namespace eventy::benchmark
