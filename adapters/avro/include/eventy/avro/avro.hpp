// Avro: records as the Python peer writes them, each one a container file with its schema inside
// (runtime/core/protocol.md, "Avro"). Values follow https://avro.apache.org/docs/1.11.1/specification/.
// The serializer is immutable and threads may share it. An encoder or decoder belongs to one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/record_schema.hpp"
#include "eventy/core/result.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::avro {

namespace detail {
class SchemaBook;
}

// Writes the records whose schemas it has, and the runtime's own records (runtime_name_prefix), which need
// none. Reads any record of the protocol's versions 1 to 3 by the schema inside it; a record of version 1 or
// 2 is read as one of version 3. If the serializer has a schema for the record, resolves the data against it:
// missing fields get their defaults, and aliases, wider numbers and the default of an enum apply.
class AvroSerializer final : public Serializer {
 public:
  // Takes the schemas of all `.evsc.yaml` files in a folder and its subfolders. The error
  // (ErrorCode::configuration, not_found or io) names the file and the reason.
  static Result<std::shared_ptr<const AvroSerializer>> from_folder(const std::filesystem::path& folder);
  // The same from the texts of such files. Without any, the serializer only reads.
  static Result<std::shared_ptr<const AvroSerializer>> from_texts(const std::vector<std::string>& evsc_yaml);

  std::string_view name() const override { return "avro"; }
  FirstBytes first_bytes() const override { return FirstBytes().set('O'); }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits = {}) const override;
  // The encoder's begin() throws std::invalid_argument for a record without a schema, and its end() throws
  // EncodeError for data that does not fit the schema. If they throw, they have appended nothing.
  std::unique_ptr<Encoder> make_encoder() const override;

  std::optional<std::string> cannot_write(Kind kind, std::string_view ns,
                                          std::string_view name) const override;

  std::vector<std::string> qualified_names() const;  // `urn:shop:Placed`, sorted
  // The Avro schema (JSON) for writing records of this name. Empty: there is none.
  std::string_view schema_of(std::string_view ns, std::string_view name) const;

  explicit AvroSerializer(std::shared_ptr<const detail::SchemaBook> book);

 private:
  std::shared_ptr<const detail::SchemaBook> book_;
};

// Reads the record schemas in one `.evsc.yaml` file, or in all of a folder, for compare_schemas(). They have
// no version. Errors as from from_folder().
Result<std::vector<RecordSchema>> read_schemas(const std::filesystem::path& file_or_folder);

}  // namespace eventy::avro
