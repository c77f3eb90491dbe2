// Encodes records. The context of a turn is encoded once. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "avro_writer.hpp"
#include "eventy/core/serializer.hpp"
#include "schema_book.hpp"

namespace eventy::avro::detail {

class ContextCache {
 public:
  void append(const OutgoingContext& context, std::string& out);

 private:
  void refresh(const OutgoingContext& context);

  bool is_valid_ = false;
  const Context* common_ = nullptr;
  std::uint64_t version_ = 0;
  std::string own_namespace_ = {};
  std::string others_ = {}, own_ = {};  // the entries of others, and the members of the own one
  std::size_t other_entries_ = 0, own_members_ = 0;
  bool has_own_ = false;
};

class AvroEncoder final : public Encoder {
 public:
  explicit AvroEncoder(std::shared_ptr<const SchemaBook> book) : book_(std::move(book)) {}
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override;
  void end() override;

 private:
  // The schema of records of one name, found by where the name lies: names are mostly literals or long-lived.
  struct Known {
    std::string ns = {}, name = {};
    const WriteSchema* schema = nullptr;
  };

  const WriteSchema& schema_for(const Envelope& e);
  const WriteSchema* find_schema(const Envelope& e);
  std::string_view date_of(Instant date);
  void write_answer(const Envelope& e);
  void write_data();

  std::shared_ptr<const SchemaBook> book_;
  std::array<Known, 16> known_ = {};
  std::map<std::string, const WriteSchema> own_ = {};  // built in, by `namespace:name`
  const WriteSchema* schema_ = nullptr;                // of the record that is begun
  std::string* out_ = nullptr;
  std::string datum_ = {};
  AvroWriter data_ = {};
  ContextCache context_ = {};
  Instant date_ = {};
  std::string date_text_ = {};
};

}  // namespace eventy::avro::detail
