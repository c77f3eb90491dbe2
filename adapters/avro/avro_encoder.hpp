// Encodes records. Encodes the context of a turn only once. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "avro_writer.hpp"
#include "eventy/core/context_parts.hpp"
#include "schema_book.hpp"

namespace eventy::avro::detail {

class AvroEncoder final : public Encoder {
 public:
  explicit AvroEncoder(std::shared_ptr<const SchemaBook> book) : book_(std::move(book)) {}
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override;
  void end() override;

 private:
  // The schema of records of one name. The name's address selects the slot: names are mostly literals or
  // long-lived.
  struct Known {
    std::string ns = {}, name = {};
    const WriteSchema* schema = nullptr;
  };

  const WriteSchema& schema_for(const Envelope& e);
  const WriteSchema* find_schema(const Envelope& e);
  std::string_view date_of(Instant date);
  void write_answer(const Envelope& e);
  void write_context(const OutgoingContext& context);
  void write_data();

  std::shared_ptr<const SchemaBook> book_;
  std::array<Known, 16> known_ = {};
  std::map<std::string, const WriteSchema> own_ = {};  // built in, by `namespace:name`
  const WriteSchema* schema_ = nullptr;                // of the current record
  std::string* out_ = nullptr;
  std::string datum_ = {};
  AvroWriter data_ = {};
  ContextParts context_ = {};
  Instant date_ = {};
  std::string date_text_ = {};
};

}  // namespace eventy::avro::detail
