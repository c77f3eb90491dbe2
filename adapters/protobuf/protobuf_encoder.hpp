// Encodes records. The context of a turn is encoded once. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "eventy/core/serializer.hpp"
#include "wire_writer.hpp"

namespace eventy::protobuf::detail {

// The context of a turn as the content of a `Context`: the entries of others, and the members of the own one.
class ContextCache {
 public:
  // Empty: there is no context. Valid until the next call.
  std::string_view encoded(const OutgoingContext& context);

 private:
  void refresh(const OutgoingContext& context);

  bool is_valid_ = false;
  const eventy::Context* common_ = nullptr;
  std::uint64_t version_ = 0;
  std::string own_namespace_, others_, own_, whole_;
  bool has_own_ = false;
};

class ProtobufEncoder final : public Encoder {
 public:
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override;
  void end() override { writer_.finish(); }

 private:
  void write_answer(const Envelope& e);

  WireWriter writer_;
  ContextCache context_;
};

}  // namespace eventy::protobuf::detail
