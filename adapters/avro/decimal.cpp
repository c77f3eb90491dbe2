#include "decimal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace eventy::avro::detail {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Negates a number in two's complement; keeps its size.
void negate(std::string& bytes) {
  unsigned carry = 1;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    const unsigned sum = (~static_cast<unsigned>(static_cast<unsigned char>(bytes[i])) & 0xff) + carry;
    bytes[i] = static_cast<char>(sum);
    carry = sum >> 8;
  }
}

// Divides an unsigned number, high byte first, by ten in place. Returns the remainder.
unsigned divide_by_ten(std::string& number) {
  unsigned rest = 0;
  for (char& c : number) {
    const unsigned value = rest << 8 | static_cast<unsigned char>(c);
    c = static_cast<char>(value / 10);
    rest = value % 10;
  }
  return rest;
}

void multiply_by_ten_and_add(std::string& number, unsigned digit) {
  unsigned carry = digit;
  for (std::size_t i = number.size(); i-- > 0;) {
    const unsigned value = static_cast<unsigned char>(number[i]) * 10u + carry;
    number[i] = static_cast<char>(value);
    carry = value >> 8;
  }
}

// Removes bytes that only repeat the sign.
std::string shortest(std::string_view number) {
  const auto is_negative = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  const char sign = is_negative(number[0]) ? '\xff' : '\0';
  while (number.size() > 1 && number[0] == sign && is_negative(number[1]) == is_negative(sign))
    number.remove_prefix(1);
  return std::string(number);
}

struct Digits {
  bool negative = false;
  std::string all = {};     // without the point
  std::int64_t behind = 0;  // number of digits after the point; negative: so many zeros follow
};

// Parses a sign, digits with an optional point, and an exponent.
std::optional<Digits> parse(std::string_view text) {
  Digits d;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    d.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  bool point = false;
  std::size_t i = 0;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
    } else {
      d.all += text[i];
      d.behind += point;
    }
  }
  if (d.all.empty()) return {};
  if (i == text.size()) return d;
  if (text[i] != 'e' && text[i] != 'E') return {};
  text.remove_prefix(i + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  int exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  d.behind -= exponent;
  return d;
}

}  // namespace

std::optional<std::string> decimal_text(std::string_view unscaled, std::size_t scale) {
  if (unscaled.size() > max_decimal_bytes || scale > max_decimal_bytes * 3) return {};
  std::string number(unscaled);
  const bool negative = !number.empty() && static_cast<unsigned char>(number[0]) >= 0x80;
  if (negative) negate(number);
  std::string text;  // reversed
  while (std::any_of(number.begin(), number.end(), [](char c) { return c != 0; }) || text.size() <= scale)
    text += static_cast<char>('0' + divide_by_ten(number));
  if (scale > 0) text.insert(scale, 1, '.');
  if (negative) text += '-';
  std::reverse(text.begin(), text.end());
  return text;
}

std::optional<std::string> decimal_bytes(std::string_view text, std::size_t precision, std::size_t scale) {
  constexpr std::size_t max_digits = 3 * max_decimal_bytes;
  if (text.size() > max_digits) return {};
  auto digits = parse(text);
  if (!digits) return {};
  auto& all = digits->all;
  const auto wanted = static_cast<std::int64_t>(scale);
  for (; digits->behind > wanted && all.ends_with('0') && all.size() > 1; --digits->behind) all.pop_back();
  if (all.find_first_not_of('0') == all.npos) all.assign(1, '0'), digits->behind = wanted;
  if (digits->behind > wanted) return {};
  const auto zeros = static_cast<std::uint64_t>(wanted - digits->behind);
  if (zeros > max_digits) return {};
  all.append(zeros, '0');
  const auto significant = all.size() - std::min(all.find_first_not_of('0'), all.size() - 1);
  if (significant > precision) return {};
  // One byte more than a number below 10^digits needs, for the sign.
  std::string number(all.size() / 2 + 2, '\0');
  for (const char c : all) multiply_by_ten_and_add(number, static_cast<unsigned>(c - '0'));
  if (digits->negative) negate(number);
  return shortest(number);
}

}  // namespace eventy::avro::detail
