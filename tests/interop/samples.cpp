#include <limits>

#include "vocabulary.hpp"

namespace interop {

namespace {

using eventy::Value, eventy::ValueList, eventy::ValueMap;

eventy::Instant at_ms(std::int64_t ms) { return eventy::Instant(eventy::Duration(ms)); }
Value integer(std::int64_t v) { return {v}; }
Value text(const char* v) { return {std::string(v)}; }

std::string every_character() {
  std::string all;
  for (char c = 0x00; c < 0x20; ++c) all += c;
  return all + "\x7f\"\\/ \xc2\x80 \xc3\xa9 \xdf\xbf \xe0\xa0\x80 \xe2\x80\xa8\xe2\x80\xa9 \xef\xbf\xbf " +
         "\xf0\x90\x80\x80 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf e\xcc\x81 \xd7\xa9\xd7\x9c";
}

Value nested_in(int depth) {
  Value value = text("bottom");
  for (int i = 0; i < depth; ++i) {
    if (i % 2 == 0) {
      value = Value{ValueList{value, integer(i)}};
    } else {
      value = Value{ValueMap{{"", value}, {"a.b\n\xc3\xa9", integer(i)}}};
    }
  }
  return value;
}

Sample least() {
  using Int = std::numeric_limits<std::int64_t>;
  using Real = std::numeric_limits<double>;
  return {.least = Int::min(),
          .most = Int::max(),
          .real = Real::denorm_min(),
          .date = at_ms(-62'135'596'800'000),  // the first moment of the year 1
          .reals = {{"zero", 0.0}, {"minus zero", -0.0}, {"lowest", Real::lowest()}, {"least", Real::min()}},
          .anything = Value{ValueList{integer(Int::min()), Value{-0.0}, Value{Real::lowest()}}}};
}

Sample most() {
  using Int = std::numeric_limits<std::int64_t>;
  using Real = std::numeric_limits<double>;
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  return {.flag = true,
          .least = -(std::int64_t{1} << 53) - 1,
          .most = (std::int64_t{1} << 53) + 1,
          .largest = largest,
          .real = Real::max(),
          .date = at_ms(253'402'300'799'999),  // the last millisecond of the year 9999
          .reals = {{"third", 1.0 / 3}, {"tenth", 0.1}, {"thousand", 1000.0}, {"large", 1e22}},
          .colour = Colour::green,
          .anything = Value{ValueList{Value{largest}, integer(Int::max()), Value{Real::max()}, Value{1.0}}}};
}

Sample texts() {
  Sample s{.absent = "", .text = every_character(), .date = at_ms(-1)};
  s.list = {"", " ", "\\u0041", "null", "{\"a\":1}", std::string(1, '\0'), std::string(5000, 'x')};
  s.nested = {.word = every_character(),
              .numbers = {0, -1, 1},
              .labels = {{"", "empty name"}, {"with.dot", "\n"}, {"\xf0\x9f\x98\x80", "\""}}};
  for (int i = 0; i < 256; ++i) s.bytes.push_back(std::byte(i));
  s.anything = text("\xe2\x82\xac");
  return s;
}

Sample deep() {
  Sample s{.text = "deep", .date = at_ms(1'767'315'845'678)};
  s.nesteds = {{.word = "one", .numbers = {}, .labels = {}},
               {.word = "", .numbers = {1, 2, 3}, .labels = {{"a", ""}}}};
  s.anything = nested_in(20);
  return s;
}

}  // namespace

const std::vector<Sample>& samples() {
  static const auto all = [] {
    std::vector<Sample> list{Sample{}, least(), most(), texts(), deep()};
    list.push_back({.date = at_ms(0), .anything = Value{ValueMap{}}});
    list.push_back(
        {.date = at_ms(1'000'000'000'000),
         .anything = Value{ValueMap{{"list", {ValueList{}}}, {"no", {false}}, {"null", {nullptr}}}}});
    for (std::size_t i = 0; i < list.size(); ++i) list[i].number = static_cast<std::int64_t>(i);
    return list;
  }();
  return all;
}

}  // namespace interop
