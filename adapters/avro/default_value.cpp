// The defaults of fields: from the reader's schema onto the tape, and from the writer's into a datum.
#include <algorithm>

#include "cursor.hpp"
#include "datum_parser.hpp"
#include "datum_writer.hpp"

namespace eventy::avro::detail {

namespace {

[[noreturn]] void fail_default(const Node& node) {
  throw DecodeError("the default in the schema is no " + std::string(spelled(node.type)));
}

template <class T>
const T& as(const Node& node, const Value& json) {
  const auto* value = std::get_if<T>(&json.is);
  if (!value) fail_default(node);
  return *value;
}

double real_in(const Node& node, const Value& json) {
  if (const auto* integer = std::get_if<std::int64_t>(&json.is)) return static_cast<double>(*integer);
  return as<double>(node, json);
}

// The characters U+0000 to U+00FF of a text stand for bytes.
std::string bytes_of(const Node& node, const Value& json) {
  std::string bytes;
  const auto& text = as<std::string>(node, json);
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      if (byte > 0xc3 || i + 1 == text.size()) fail_default(node);
      byte = static_cast<unsigned char>((byte & 3) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
    }
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace

void DatumParser::default_value(const Node& node, const Value& json) {
  switch (node.type) {
    case Type::null:
      as<std::nullptr_t>(node, json);
      return put({.tag = Tag::null, .integer = 0});
    case Type::boolean:
      return put({.tag = Tag::boolean, .integer = as<bool>(node, json)});
    case Type::int32:
    case Type::int64:
      return put({.tag = Tag::integer, .logical = node.logical, .integer = as<std::int64_t>(node, json)});
    case Type::float32:
    case Type::float64:
      return put({.tag = Tag::real, .real = real_in(node, json)});
    case Type::text:
    case Type::enumeration:
      count_repeated(as<std::string>(node, json).size());
      return put(text_token(as<std::string>(node, json)));
    case Type::bytes:
    case Type::fixed: {
      auto token = text_token(kept_.emplace_back(bytes_of(node, json)));
      count_repeated(token.size);
      token.tag = Tag::bytes, token.logical = node.logical, token.scale = node.scale;
      return put(token);
    }
    case Type::one_of:  // the first branch's
      if (node.branches.empty()) fail_default(node);
      return default_value(*node.branches[0], json);
    case Type::array: {
      const auto at = open(Tag::list);
      count_elements(as<ValueList>(node, json).size());
      for (const auto& item : as<ValueList>(node, json)) default_value(*node.items, item);
      return close(at);
    }
    case Type::map: {
      const auto at = open(Tag::map);
      count_elements(as<ValueMap>(node, json).size());
      for (const auto& [name, value] : as<ValueMap>(node, json)) {
        count_repeated(name.size());
        put(text_token(name));
        default_value(*node.items, value);
      }
      return close(at);
    }
    case Type::record: {
      as<ValueMap>(node, json);
      const auto at = open(Tag::map);
      count_elements(node.fields.size());
      for (const auto& field : node.fields) {
        const auto* value = member_of(json, field.name);
        if (!value && !field.otherwise) fail_default(node);
        count_repeated(field.name.size());
        put(text_token(field.name));
        default_value(*field.type, value ? *value : *field.otherwise);
      }
      return close(at);
    }
  }
}

namespace {

void append_default_at(std::string& out, const Node& node, const Value& json, std::size_t depth) {
  if (depth == most_schema_depth) throw DecodeError("the default in the schema is nested too deep");
  const auto inner = [&](const Node& n, const Value& v) { append_default_at(out, n, v, depth + 1); };
  switch (node.type) {
    case Type::null:
      as<std::nullptr_t>(node, json);
      return;
    case Type::boolean:
      return out.push_back(static_cast<char>(as<bool>(node, json)));
    case Type::int32:
    case Type::int64:
      return append_integer(out, as<std::int64_t>(node, json));
    case Type::float32:
      return append_real(out, static_cast<float>(real_in(node, json)));
    case Type::float64:
      return append_real(out, real_in(node, json));
    case Type::text:
      return append_sized(out, as<std::string>(node, json));
    case Type::bytes:
      return append_sized(out, bytes_of(node, json));
    case Type::fixed:
      if (bytes_of(node, json).size() != node.size) fail_default(node);
      out.append(bytes_of(node, json));
      return;
    case Type::enumeration: {
      const auto at = std::find(node.symbols.begin(), node.symbols.end(), as<std::string>(node, json));
      if (at == node.symbols.end()) fail_default(node);
      return append_integer(out, at - node.symbols.begin());
    }
    case Type::one_of:
      if (node.branches.empty()) fail_default(node);
      append_integer(out, 0);
      return inner(*node.branches[0], json);
    case Type::array: {
      const auto& list = as<ValueList>(node, json);
      if (!list.empty()) append_integer(out, static_cast<std::int64_t>(list.size()));
      for (const auto& item : list) inner(*node.items, item);
      return out.push_back('\0');
    }
    case Type::map: {
      const auto& map = as<ValueMap>(node, json);
      if (!map.empty()) append_integer(out, static_cast<std::int64_t>(map.size()));
      for (const auto& [name, value] : map) append_sized(out, name), inner(*node.items, value);
      return out.push_back('\0');
    }
    case Type::record:
      as<ValueMap>(node, json);
      for (const auto& field : node.fields) {
        const auto* value = member_of(json, field.name);
        if (!value && !field.otherwise) fail_default(node);
        inner(*field.type, value ? *value : *field.otherwise);
      }
      return;
  }
}

}  // namespace

void append_default(std::string& out, const Node& node, const Value& json) {
  append_default_at(out, node, json, 0);
}

}  // namespace eventy::avro::detail
