// Avro: records as the Python peer writes them, one container file each with its schema inside
// (runtime/core/protocol.md, "Avro"). Values are https://avro.apache.org/docs/1.11.1/specification/.
// The serializer is immutable and any thread may share it; what it makes belongs to one thread.
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

// Writes the records whose schemas it was given, and the runtime's own (own_names) without, and reads any
// record by the schema inside it, of the protocol's versions 1 to 3. A record of version 1 or 2 comes out as
// one of version 3. Where a schema of the same record was given, fields that the written one lacks come with
// their defaults, and aliases, wider numbers and the default of an enum count.
class AvroSerializer final : public Serializer {
 public:
  // The schemas of all `.evsc.yaml` files in a folder and its folders. The error (ErrorCode::configuration,
  // or not_found and io) names the file and what is wrong with it.
  static Result<std::shared_ptr<const AvroSerializer>> from_folder(const std::filesystem::path& folder);
  // The same from the texts of such files; none: it only reads.
  static Result<std::shared_ptr<const AvroSerializer>> from_texts(const std::vector<std::string>& evsc_yaml);

  std::string_view name() const override { return "avro"; }
  FirstBytes first_bytes() const override { return FirstBytes().set('O'); }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits = {}) const override;
  // Its begin() throws std::invalid_argument for a record without a schema, its end() EncodeError for data
  // that does not fit the schema. Nothing was appended then.
  std::unique_ptr<Encoder> make_encoder() const override;

  std::optional<std::string> cannot_write(Kind kind, std::string_view ns,
                                          std::string_view name) const override;

  std::vector<std::string> qualified_names() const;  // `urn:shop:Placed`, sorted
  // The Avro schema (JSON) that records of this name are written with; empty: there is none.
  std::string_view schema_of(std::string_view ns, std::string_view name) const;

  explicit AvroSerializer(std::shared_ptr<const detail::SchemaBook> book);

 private:
  std::shared_ptr<const detail::SchemaBook> book_;
};

// What the `.evsc.yaml` files of a folder, or one of them, say of their records, for judge(). They name no
// version. Errors as from_folder().
Result<std::vector<RecordSchema>> read_schemas(const std::filesystem::path& file_or_folder);

}  // namespace eventy::avro
