// Avro schemas as a graph of nodes, built from their JSON. A Schema is immutable once built; any thread may
// read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"

namespace eventy::avro::detail {

enum class Type : std::uint8_t {
  null,
  boolean,
  int32,
  int64,
  float32,
  float64,
  bytes,
  text,
  fixed,
  enumeration,
  array,
  map,
  record,
  one_of,  // a union
};

enum class Logical : std::uint8_t {  // logical types that affect how a value can be read
  none,
  date,
  timestamp_millis,
  timestamp_micros,
  timestamp_nanos,
  decimal,
  padded_decimal,  // of a value only: it has more bytes than needed, so its digits do not reproduce them
};

// How resolution against another schema converts a number or text.
enum class Promotion : std::uint8_t { none, to_real, to_text, to_bytes };

struct Node;

struct Field {
  std::string name;
  const Node* type = nullptr;
  std::optional<Value> default_value = {};  // its default, as JSON
  std::string default_datum = {};           // the default encoded; see Schema::encode_defaults()
  std::vector<std::string> aliases = {};
};

struct Node {
  Type type = Type::null;
  Logical logical = Logical::none;
  Promotion promotion = Promotion::none;
  std::uint16_t precision = 0, scale = 0;  // of a decimal
  std::uint32_t least = 0;                 // minimum size of a value in bytes
  std::uint32_t weightless = 0;            // fields of a record that take no byte
  std::uint32_t weightless_in_all = 0;     // the same, with the fields of records in those fields
  std::size_t size = 0;                    // of a fixed
  std::string name = {};                   // of a record, enum or fixed, with its namespace
  std::vector<std::string> aliases = {};
  std::vector<Field> fields = {};
  std::vector<std::string> symbols = {};
  std::optional<std::string> default_value = {};  // the default symbol of an enum
  const Node* items = nullptr;                    // of an array; the values of a map
  std::vector<const Node*> branches = {};         // of a union
  const std::vector<Field>* absent = nullptr;     // fields only in the reader's schema: read as defaults
};

// The limits of a schema, which may be untrusted.
inline constexpr std::size_t max_schema_bytes = 1u << 20, max_schema_depth = 100, max_nodes = 1u << 14;

class Schema {
 public:
  Schema() = default;
  Schema(Schema&&) = default;
  Schema& operator=(Schema&&) = default;

  const Node& root() const { return *root_; }
  std::size_t weight() const;  // bytes of memory, roughly

  // For building a schema.
  Node& add(Node node);  // throws DecodeError beyond max_nodes
  void set_root(const Node& root) { root_ = &root; }
  std::vector<Field>& keep(std::vector<Field> fields) { return kept_.emplace_back(std::move(fields)); }
  void measure();  // fills in Node::least, weightless and weightless_in_all
  // For schemas that the serializer was given: fills in Field::default_datum. Throws DecodeError with the
  // path of a field whose default does not have its type. The defaults of a schema inside a record are never
  // read.
  void encode_defaults();  // in default_value.cpp

 private:
  std::deque<Node> nodes_ = {};  // their addresses do not change
  std::deque<std::vector<Field>> kept_ = {};
  const Node* root_ = nullptr;
};

// Throws DecodeError with the path of the mistake in the schema.
Schema parse_schema(const Value& json);

// Members of JSON objects; null: absent, or not of that kind.
const Value* member_of(const Value& json, std::string_view name);
const std::string* text_in(const Value& json, std::string_view name);

// Whether names of two schemas match: compares them without namespaces, which may be missing or changed.
bool same_name(std::string_view name, std::string_view other);
const Node& primitive(Type type);  // a node of this type alone
std::string_view spelled(Type type);

}  // namespace eventy::avro::detail
