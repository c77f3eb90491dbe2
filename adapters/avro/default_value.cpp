// Encodes the defaults of a schema's fields from JSON, once, when the schema is read (specification, "Complex
// Types", table "field default values"). Readers and writers use them like any other datum.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "cursor.hpp"
#include "eventy/core/one_line.hpp"
#include "json_text.hpp"
#include "schema.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::size_t shown = 80;  // bytes of a default in a message
constexpr std::size_t max_steps = 1u << 20;

[[noreturn]] void fail_default(const Node& node, const Value& json) {
  throw DecodeError("the default " + one_line(python_json(json), shown) + " is not valid for type " +
                    std::string(spelled(node.type)));
}

template <class T>
const T& as(const Node& node, const Value& json) {
  const auto* value = std::get_if<T>(&json.is);
  if (!value) fail_default(node, json);
  return *value;
}

std::int64_t integer_in(const Node& node, const Value& json) {
  const auto value = as<std::int64_t>(node, json);
  if (node.type == Type::int32 && value != static_cast<std::int32_t>(value)) fail_default(node, json);
  return value;
}

// Refuses integers beyond std::int64_t, which the library cannot read.
double real_in(const Node& node, const Value& json) {
  if (const auto* integer = std::get_if<std::int64_t>(&json.is)) return static_cast<double>(*integer);
  return as<double>(node, json);
}

float single_in(const Node& node, const Value& json) {
  const auto value = real_in(node, json);
  if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) fail_default(node, json);
  return static_cast<float>(value);
}

std::int64_t symbol_in(const Node& node, const Value& json) {
  const auto at = std::find(node.symbols.begin(), node.symbols.end(), as<std::string>(node, json));
  if (at == node.symbols.end()) fail_default(node, json);
  return at - node.symbols.begin();
}

// In a default, the characters U+0000 to U+00FF represent bytes.
std::string bytes_in(const Node& node, const Value& json) {
  std::string bytes;
  const auto& text = as<std::string>(node, json);
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      if (byte > 0xc3 || i + 1 == text.size()) fail_default(node, json);
      byte = static_cast<unsigned char>((byte & 3) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
    }
    bytes += static_cast<char>(byte);
  }
  if (node.type == Type::fixed && bytes.size() != node.size) fail_default(node, json);
  return bytes;
}

class Defaults {
 public:
  // Encodes the defaults of all fields in a type and the types inside it. An error names the field.
  void encode(const Node& node) {
    if (!seen_.insert(&node).second) return;
    if (node.default_value &&
        std::find(node.symbols.begin(), node.symbols.end(), *node.default_value) == node.symbols.end())
      throw DecodeError("the default " + one_line(*node.default_value, shown) + " is not one of its symbols");
    if (node.items) within(node.type == Type::map ? "values" : "items", [&] { encode(*node.items); });
    for (std::size_t i = 0; i < node.branches.size(); ++i)
      within(eventy::detail::index_step(i), [&] { encode(*node.branches[i]); });
    for (const auto& field : node.fields) {
      within(field.name, [&] {
        encode(*field.type);
        if (field.default_value) datum_of(field);
      });
    }
  }

  // The encoded default of a field that has one.
  const std::string& datum_of(const Field& field) {
    const auto [at, fresh] = datums_.try_emplace(&field);
    if (fresh) {
      std::string datum;
      append(datum, *field.type, *field.default_value, 0);
      if ((bytes_ += datum.size()) > max_schema_bytes) fail_size();
      at->second = std::move(datum);
    }
    if (!at->second) throw DecodeError("the default contains itself");
    return *at->second;
  }

 private:
  template <class Work>
  static void within(std::string_view step, Work work) {
    try {
      work();
    } catch (const DecodeError& e) {
      throw e.within(step);
    }
  }

  [[noreturn]] static void fail_size() {
    throw DecodeError("the defaults of the schema are more than the limit of " +
                      std::to_string(max_schema_bytes) + " bytes");
  }

  void append(std::string& out, const Node& node, const Value& json, std::size_t depth) {
    if (depth == max_schema_depth) throw DecodeError("the default is nested too deep");
    if (out.size() > max_schema_bytes || ++steps_ > max_steps) fail_size();
    switch (node.type) {
      case Type::null:
        as<std::nullptr_t>(node, json);
        return;
      case Type::boolean:
        return out.push_back(static_cast<char>(as<bool>(node, json)));
      case Type::int32:
      case Type::int64:
        return append_integer(out, integer_in(node, json));
      case Type::float32:
        return append_real(out, single_in(node, json));
      case Type::float64:
        return append_real(out, real_in(node, json));
      case Type::text:
        return append_sized(out, as<std::string>(node, json));
      case Type::bytes:
        return append_sized(out, bytes_in(node, json));
      case Type::fixed:
        out.append(bytes_in(node, json));
        return;
      case Type::enumeration:
        return append_integer(out, symbol_in(node, json));
      default:
        append_many(out, node, json, depth + 1);
    }
  }

  void append_many(std::string& out, const Node& node, const Value& json, std::size_t depth) {
    if (node.type == Type::one_of) return append_branch(out, node, json, depth);
    if (node.type == Type::record) return append_fields(out, node, json, depth);
    if (node.type == Type::array) {
      const auto& list = as<ValueList>(node, json);
      if (!list.empty()) append_integer(out, static_cast<std::int64_t>(list.size()));
      for (const auto& item : list) append(out, *node.items, item, depth);
    } else {
      const auto& map = as<ValueMap>(node, json);
      if (!map.empty()) append_integer(out, static_cast<std::int64_t>(map.size()));
      for (const auto& [name, value] : map) append_sized(out, name), append(out, *node.items, value, depth);
    }
    out.push_back('\0');
  }

  // Uses the first branch that the default fits, as the specification requires from 1.12 on. Earlier versions
  // require the first branch.
  void append_branch(std::string& out, const Node& node, const Value& json, std::size_t depth) {
    const auto size = out.size();
    for (std::size_t i = 0; i < node.branches.size(); ++i) {
      try {
        append_integer(out, static_cast<std::int64_t>(i));
        return append(out, *node.branches[i], json, depth);
      } catch (const DecodeError&) {
        if (steps_ > max_steps) throw;
        out.resize(size);
      }
    }
    throw DecodeError("the default " + one_line(python_json(json), shown) + " fits no branch of the union");
  }

  void append_fields(std::string& out, const Node& node, const Value& json, std::size_t depth) {
    as<ValueMap>(node, json);
    for (const auto& field : node.fields) {
      if (const auto* value = member_of(json, field.name)) {
        append(out, *field.type, *value, depth);
      } else if (field.default_value) {
        out.append(datum_of(field));
      } else {
        fail_default(node, json);
      }
    }
  }

  std::set<const Node*> seen_ = {};
  std::map<const Field*, std::optional<std::string>> datums_ =
      {};  // nullopt: of a field that is being encoded
  std::size_t bytes_ = 0, steps_ = 0;
};

}  // namespace

void Schema::encode_defaults() {
  Defaults defaults;
  defaults.encode(root());
  for (auto& node : nodes_) {
    for (auto& field : node.fields)
      if (field.default_value) field.default_datum = defaults.datum_of(field);
  }
}

}  // namespace eventy::avro::detail
