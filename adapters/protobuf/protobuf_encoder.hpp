// Encodes records. Encodes the context of a turn only once. One thread.
#pragma once

#include <string>

#include "eventy/core/context_parts.hpp"
#include "wire_writer.hpp"

namespace eventy::protobuf::detail {

class ProtobufEncoder final : public Encoder {
 public:
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override;
  void end() override { writer_.finish(); }

 private:
  void write_context(const OutgoingContext& context);

  WireWriter writer_;
  ContextParts context_;
  std::string own_, whole_;  // the own entry with one more member, and the context with that entry
};

}  // namespace eventy::protobuf::detail
