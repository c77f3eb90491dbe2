// Decodes records: one parse, then one walk over the members of the envelope. One thread.
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
  [[gnu::always_inline]] inline void read_member(std::size_t member,
                                                 Place value);  // a switch: mostly constant
  void settle(Place timestamp);

  Document document_;
  TapeReader reader_;
  Envelope envelope_;
  Place context_ = empty_map(), data_ = empty_map();
  Place date_timestamp_ = {};
  std::uint32_t seen_ = 0;  // a bit for each member that is known
  std::vector<std::string_view> unknown_;
};

}  // namespace eventy::json::detail
