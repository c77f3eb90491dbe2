#include "text_forms.hpp"

#include <span>

#include "eventy/core/base64.hpp"
#include "eventy/core/date.hpp"

namespace eventy::avro::detail {

std::optional<std::string> bytes_in_base64(std::string_view text) {
  std::string out(max_bytes_of_base64(text.size()), '\0');
  const auto size = decode_base64(text, std::as_writable_bytes(std::span(out)).data());
  if (!size) return {};
  out.resize(*size);
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
