#include "text_forms.hpp"

#include "eventy/core/date.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == alphabet.npos) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held);
    bits &= (1u << held) - 1;
  }
  if (bits != 0) return {};
  return out;
}

std::optional<Instant> instant_in(std::string_view text, Logical logical) {
  if (logical == Logical::none) return {};
  constexpr std::size_t day_alone = 10;
  if (logical == Logical::date && text.size() == day_alone)
    return parse_iso8601(std::string(text).append("T00:00:00Z"));
  return parse_iso8601(text);
}

}  // namespace eventy::avro::detail
