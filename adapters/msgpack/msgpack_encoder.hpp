// Encodes records. Encodes the context of a turn only once. One thread.
#pragma once

#include <string>

#include "eventy/core/context_parts.hpp"
#include "msgpack_writer.hpp"

namespace eventy::msgpack::detail {

class MsgpackEncoder final : public Encoder {
 public:
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override;
  void end() override { writer_.finish(); }

 private:
  void write_context(const OutgoingContext& context);

  MsgpackWriter writer_, part_writer_;
  ContextParts context_;
};

}  // namespace eventy::msgpack::detail
