// Avro schemas as a graph of nodes, made of their JSON. A Schema is immutable once it is made; any thread may
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

enum class Logical : std::uint8_t {  // those that change how a value can be read
  none,
  date,
  timestamp_millis,
  timestamp_micros,
  timestamp_nanos,
  decimal,
  padded_decimal,  // of a value: with more bytes than it needs, so that its digits do not tell them
};

// What resolution against another schema makes of a number or text.
enum class Promotion : std::uint8_t { none, to_real, to_text, to_bytes };

struct Node;

struct Field {
  std::string name;
  const Node* type = nullptr;
  std::optional<Value> default_value = {};  // its default, as JSON
  std::string default_datum = {};           // the same encoded; see Schema::encode_defaults()
  std::vector<std::string> aliases = {};
};

struct Node {
  Type type = Type::null;
  Logical logical = Logical::none;
  Promotion promotion = Promotion::none;
  std::uint16_t precision = 0, scale = 0;  // of a decimal
  std::uint32_t least = 0;                 // bytes that a value takes at least
  std::uint32_t weightless = 0;            // fields of a record that take no byte
  std::uint32_t weightless_in_all = 0;     // those of the records in these as well
  std::size_t size = 0;                    // of a fixed
  std::string name = {};                   // with its namespace, of a record, enum or fixed
  std::vector<std::string> aliases = {};
  std::vector<Field> fields = {};
  std::vector<std::string> symbols = {};
  std::optional<std::string> default_value = {};  // the default symbol of an enum
  const Node* items = nullptr;                    // of an array; the values of a map
  std::vector<const Node*> branches = {};         // of a union
  const std::vector<Field>* absent =
      nullptr;  // fields that only the reader's schema has: read as their defaults
};

// The limits of a schema, which may come from outside.
inline constexpr std::size_t max_schema_bytes = 1u << 20, max_schema_depth = 100, max_nodes = 1u << 14;

class Schema {
 public:
  Schema() = default;
  Schema(Schema&&) = default;
  Schema& operator=(Schema&&) = default;

  const Node& root() const { return *root_; }
  std::size_t weight() const;  // bytes of memory, roughly

  // For those that make one.
  Node& add(Node node);  // throws DecodeError beyond max_nodes
  void set_root(const Node& root) { root_ = &root; }
  std::vector<Field>& keep(std::vector<Field> fields) { return kept_.emplace_back(std::move(fields)); }
  void measure();  // fills in Node::least and what is weightless
  // Of a schema that records are read or written by: fills in Field::default_datum. Throws DecodeError with
  // the path of a field whose default is not of its type. Nobody reads the defaults of a record's own schema.
  void encode_defaults();  // in default_value.cpp

 private:
  std::deque<Node> nodes_ = {};  // their places do not change
  std::deque<std::vector<Field>> kept_ = {};
  const Node* root_ = nullptr;
};

// Throws DecodeError that says where in the schema it is wrong.
Schema parse_schema(const Value& json);

// Members of JSON objects; null: absent, or not of that kind.
const Value* member_of(const Value& json, std::string_view name);
const std::string* text_in(const Value& json, std::string_view name);

// Whether `name` of one schema means `other` of another: namespaces may have been left out or changed.
bool same_name(std::string_view name, std::string_view other);
const Node& primitive(Type type);  // without anything around it
std::string_view spelled(Type type);

}  // namespace eventy::avro::detail
