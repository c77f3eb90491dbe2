// Decodes records: parses the text once, then walks over the members of the envelope once. One thread.
#pragma once

#include <string_view>
#include <vector>

#include "eventy/core/members.hpp"
#include "eventy/core/serializer.hpp"
#include "json_reader.hpp"

namespace eventy::json::detail {

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(const DecodeLimits& limits) : document_(limits) {}

  const Envelope& decode(std::string_view bytes) override;
  bool context_is_empty() override;
  void read_context(Context& out) override;
  Reader& data() override;

 private:
  void read_members(Place at);
  void read_expected(Place& at);
  template <std::size_t F>
  bool take(Place& at);
  // Inline, because most callers pass a constant member and need one case of its switch.
  [[gnu::always_inline]] inline void read_member(std::size_t member, Place value);
  void settle(Place timestamp);

  Document document_;
  TapeReader reader_;
  Envelope envelope_;
  Place context_ = empty_map(), data_ = empty_map();
  Place date_timestamp_ = {};
  std::uint32_t seen_ = 0;  // one bit per known member
  std::vector<std::string_view> unknown_;
};

}  // namespace eventy::json::detail
