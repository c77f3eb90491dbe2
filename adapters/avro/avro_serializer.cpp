#include "avro_decoder.hpp"
#include "avro_encoder.hpp"
#include "eventy/avro/avro.hpp"
#include "evsc_files.hpp"
#include "schema_book.hpp"

namespace eventy::avro {

namespace {

using detail::SchemaBook;

void add(SchemaBook& book, const std::string& yaml, const std::string& where) {
  try {
    book.add(detail::parse_evsc(yaml));
  } catch (const DecodeError& e) {
    throw Failure({ErrorCode::configuration, where + ": " + e.what()});
  }
}

Result<std::shared_ptr<const AvroSerializer>> make(std::shared_ptr<SchemaBook> book) {
  return std::make_shared<const AvroSerializer>(std::move(book));
}

}  // namespace

Result<std::shared_ptr<const AvroSerializer>> AvroSerializer::from_folder(
    const std::filesystem::path& folder) {
  auto book = std::make_shared<SchemaBook>();
  const auto read = detail::for_each_evsc(folder, [&](const detail::Evsc& evsc) { book->add(evsc); });
  if (!read) return read.error();
  return make(std::move(book));
}

Result<std::shared_ptr<const AvroSerializer>> AvroSerializer::from_texts(
    const std::vector<std::string>& evsc_yaml) {
  try {
    auto book = std::make_shared<SchemaBook>();
    for (std::size_t i = 0; i < evsc_yaml.size(); ++i)
      add(*book, evsc_yaml[i], "schema " + std::to_string(i + 1));
    return make(std::move(book));
  } catch (const Failure& e) {
    return e.error();
  }
}

AvroSerializer::AvroSerializer(std::shared_ptr<const SchemaBook> book) : book_(std::move(book)) {}

std::unique_ptr<Decoder> AvroSerializer::make_decoder(const DecodeLimits& limits) const {
  return std::make_unique<detail::AvroDecoder>(book_, limits);
}

std::unique_ptr<Encoder> AvroSerializer::make_encoder() const {
  return std::make_unique<detail::AvroEncoder>(book_);
}

std::optional<std::string> AvroSerializer::cannot_write(Kind kind, std::string_view ns,
                                                        std::string_view name) const {
  const auto* schema = book_->find(ns, name);
  if (!schema)
    return detail::is_own_record(kind, name) ? std::nullopt : std::optional(detail::no_schema(ns, name));
  if (schema->kind == kind) return std::nullopt;
  return detail::another_kind(*schema, kind, ns, name);
}

std::vector<std::string> AvroSerializer::qualified_names() const { return book_->qualified_names(); }

std::string_view AvroSerializer::schema_of(std::string_view ns, std::string_view name) const {
  const auto* schema = book_->find(ns, name);
  return schema ? std::string_view(schema->text) : std::string_view();
}

}  // namespace eventy::avro
