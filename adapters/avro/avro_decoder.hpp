// Decodes records. One thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datum_parser.hpp"
#include "eventy/core/serializer.hpp"
#include "read_plan.hpp"
#include "tape.hpp"

namespace eventy::avro::detail {

class AvroDecoder final : public Decoder {
 public:
  AvroDecoder(std::shared_ptr<const SchemaBook> book, const DecodeLimits& limits);

  const Envelope& decode(std::string_view bytes) override;
  bool context_is_empty() override { return context_->tag == Tag::map && context_->span == 2; }
  void read_context(Context& out) override;
  Reader& data() override;

 private:
  // A top-level field of the record, and its place on the tape.
  struct Field {
    Role role;
    std::string_view name;
    std::size_t at;
  };

  void parse(std::string_view datum, std::size_t size);
  void parse_fields();
  void find_fields();
  const Token* found(Role role) const;  // null: absent
  // Reads the members from First up to, but without, End.
  template <std::size_t First, std::size_t End>
  void read_members();
  void settle();
  void settle_response();
  // In legacy_record.cpp: records of protocol 1 and 2.
  void settle_legacy(std::string_view datum);
  void settle_legacy_date();
  void settle_legacy_ids(std::string_view datum);
  void settle_legacy_data();

  std::shared_ptr<const SchemaBook> book_;
  DecodeLimits limits_;
  std::vector<Token> tape_ = {}, data_tape_ = {};
  DatumParser parser_;
  PlanCache plans_;
  TapeReader reader_ = {};
  const ReadPlan* plan_ = nullptr;
  std::vector<Field> fields_ = {};
  std::array<std::size_t, roles> places_ = {};  // on the tape; 0: absent
  Envelope envelope_ = {};
  const Token *context_ = empty_map(), *data_ = empty_map();
  // Values that a record of protocol 1 or 2 lacks or has in another form.
  std::string uuid_ = {}, source_ = {}, correlation_id_ = {};
};

// Read one member of an envelope. All throw DecodeError with its name.
std::string_view text_in(const Token& token, Role role);
std::optional<std::string_view> text_or_null_in(const Token& token, Role role);
Kind kind_in(const Token& token);

}  // namespace eventy::avro::detail
