// Decodes records: walks over the fields of the envelope once. One thread.
#pragma once

#include <string_view>

#include "wire_reader.hpp"

namespace eventy::protobuf::detail {

class ProtobufDecoder final : public Decoder {
 public:
  ProtobufDecoder(const DecodeLimits& limits, std::shared_ptr<const Schemas> schemas)
      : max_bytes_(limits.max_bytes), reader_(limits, std::move(schemas)) {}

  const Envelope& decode(std::string_view bytes) override;
  bool context_is_empty() override { return context_.block.empty(); }
  void read_context(eventy::Context& out) override;
  Reader& data() override;

 private:
  void read_member(std::size_t member, std::uint32_t tag, WireCursor& at);
  void settle();

  std::size_t max_bytes_;
  WireReader reader_;
  Envelope envelope_;
  Slot context_, data_;
};

}  // namespace eventy::protobuf::detail
