// Decodes records. One thread.
#pragma once

#include <string_view>
#include <vector>

#include "eventy/core/members.hpp"
#include "eventy/core/serializer.hpp"
#include "msgpack_reader.hpp"

namespace eventy::msgpack::detail {

class MsgpackDecoder final : public Decoder {
 public:
  explicit MsgpackDecoder(const DecodeLimits& limits) : document_(limits) {}

  const Envelope& decode(std::string_view bytes) override;
  bool context_is_empty() override { return context_.behind() == context_.at + 2; }
  void read_context(Context& out) override;
  Reader& data() override;

 private:
  void read_members(Place at);
  void read_member(std::size_t member, Place value);
  void settle();

  Document document_;
  TapeReader reader_;
  Envelope envelope_;
  Place context_ = empty_map(), data_ = empty_map();
  std::uint32_t seen_ = 0;  // one bit per known member
  std::vector<std::string_view> unknown_;
};

}  // namespace eventy::msgpack::detail
