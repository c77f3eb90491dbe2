// Encodes records. The context of a turn is encoded once. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "eventy/core/serializer.hpp"
#include "msgpack_writer.hpp"

namespace eventy::msgpack::detail {

class ContextCache {
 public:
  void append(const OutgoingContext& context, MsgpackWriter& writer);

 private:
  void refresh(const OutgoingContext& context);

  bool is_valid_ = false;
  const Context* common_ = nullptr;
  std::uint64_t version_ = 0;
  std::string own_namespace_;
  std::string others_, own_;  // the entries of others, and the members of the own one
  std::size_t other_entries_ = 0, own_members_ = 0;
  bool has_own_ = false;
};

class MsgpackEncoder final : public Encoder {
 public:
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override;
  void end() override { writer_.finish(); }

 private:
  void write_answer(const Envelope& e);

  MsgpackWriter writer_;
  ContextCache context_;
};

}  // namespace eventy::msgpack::detail
