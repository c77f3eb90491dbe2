// Encodes records. Caches the text of what repeats: the start of a record of one type and source, the two
// forms of a date, the context of a turn. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "eventy/core/serializer.hpp"
#include "json_writer.hpp"

namespace eventy::json::detail {

// Encodings of the turn's context: complete, and open for one more member of its own entry.
class ContextCache {
 public:
  void append(const OutgoingContext& context, JsonWriter& writer);

 private:
  void refresh(const OutgoingContext& context);
  void encode_open(const OutgoingContext& context);

  const Context* common_ = nullptr;
  std::uint64_t version_ = 0;
  std::string own_namespace_;
  std::string whole_;  // empty: not encoded yet, as for open_
  std::string open_;   // up to the last member of its own entry, which is the last entry
};

class JsonEncoder final : public Encoder {
 public:
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override;
  void end() override { writer_.end_object(); }

 private:
  // The members from `type` to `source`.
  struct Head {
    Kind kind = Kind::query;  // query: the slot is empty, because a query is not a record
    std::string ns = {}, name = {}, protocol_version = {}, version = {}, source = {};
    std::string text = {};
    bool is_of(const Envelope& e) const;
  };

  std::string_view head_of(const Envelope& e);
  std::string_view date_of(Instant date);
  void append_response(const Envelope& e);

  JsonWriter writer_;
  std::array<Head, 16> heads_;
  Instant date_ = {};
  std::string date_iso8601_, date_text_;
  ContextCache context_;
};

}  // namespace eventy::json::detail
