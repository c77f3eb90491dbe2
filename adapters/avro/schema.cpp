#include "schema.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace eventy::avro::detail {

namespace {

struct Spelling {
  std::string_view name;
  Type type;
};
constexpr std::array<Spelling, 13> spellings{{{"null", Type::null},
                                              {"boolean", Type::boolean},
                                              {"int", Type::int32},
                                              {"long", Type::int64},
                                              {"float", Type::float32},
                                              {"double", Type::float64},
                                              {"bytes", Type::bytes},
                                              {"string", Type::text},
                                              {"fixed", Type::fixed},
                                              {"enum", Type::enumeration},
                                              {"array", Type::array},
                                              {"map", Type::map},
                                              {"record", Type::record}}};

const Spelling* spelling_of(std::string_view name) {
  if (name == "error") name = "record";  // the same type, except in RPC protocols
  const auto* found =
      std::find_if(spellings.begin(), spellings.end(), [&](const Spelling& s) { return s.name == name; });
  return found == spellings.end() ? nullptr : found;
}

std::vector<std::string> texts_in(const Value& json, std::string_view name) {
  std::vector<std::string> texts;
  const auto* member = member_of(json, name);
  const auto* list = member ? std::get_if<ValueList>(&member->is) : nullptr;
  if (!list) return texts;
  for (const auto& item : *list) {
    const auto* text = std::get_if<std::string>(&item.is);
    if (!text) throw DecodeError("must be texts").within(name);
    texts.push_back(*text);
  }
  return texts;
}

std::optional<std::uint64_t> number_in(const Value& json, std::string_view name) {
  const auto* member = member_of(json, name);
  const auto* number = member ? std::get_if<std::int64_t>(&member->is) : nullptr;
  if (!number || *number < 0) return {};
  return static_cast<std::uint64_t>(*number);
}

Logical logical_of(Type type, std::string_view name) {
  if (type == Type::int32 && name == "date") return Logical::date;
  if (type == Type::bytes || type == Type::fixed) return name == "decimal" ? Logical::decimal : Logical::none;
  if (type != Type::int64) return Logical::none;
  if (name.starts_with("local-")) name.remove_prefix(6);
  if (name == "timestamp-millis") return Logical::timestamp_millis;
  if (name == "timestamp-micros") return Logical::timestamp_micros;
  return name == "timestamp-nanos" ? Logical::timestamp_nanos : Logical::none;
}

class SchemaParser {
 public:
  explicit SchemaParser(Schema& schema) : schema_(schema) {}

  const Node& parse(const Value& json, std::string_view space) {
    if (depth_ == max_schema_depth) throw DecodeError("the schema is nested too deep");
    ++depth_;
    const Node& node = parse_any(json, space);
    --depth_;
    return node;
  }

 private:
  const Node& parse_any(const Value& json, std::string_view space) {
    if (const auto* name = std::get_if<std::string>(&json.is)) return referred(*name, space);
    if (const auto* branches = std::get_if<ValueList>(&json.is)) return parse_union(*branches, space);
    const auto* type = member_of(json, "type");
    if (!type) throw DecodeError("must be a schema: a name, a list or a map with a type");
    const auto* name = std::get_if<std::string>(&type->is);
    if (!name) return parse(*type, space);
    const auto* known = spelling_of(*name);
    if (!known) return referred(*name, space);
    return parse_object(known->type, json, space);
  }

  const Node& referred(const std::string& name, std::string_view space) {
    const auto* known = spelling_of(name);
    if (known && known->type <= Type::text) return primitive(known->type);
    auto found = names_.find(full_name(name, space));
    if (found == names_.end()) found = names_.find(name);
    if (found == names_.end()) throw DecodeError("there is no type of this name").within(name);
    return *found->second;
  }

  const Node& parse_union(const ValueList& json, std::string_view space) {
    Node& node = schema_.add({.type = Type::one_of});
    for (std::size_t i = 0; i < json.size(); ++i) {
      try {
        node.branches.push_back(&parse(json[i], space));
        if (node.branches.back()->type == Type::one_of) throw DecodeError("a union within a union");
      } catch (const DecodeError& e) {
        throw e.within(eventy::detail::index_step(i));
      }
    }
    return node;
  }

  const Node& parse_object(Type type, const Value& json, std::string_view space) {
    Node& node = schema_.add({.type = type});
    if (const auto* logical = text_in(json, "logicalType")) node.logical = logical_of(type, *logical);
    if (type == Type::array || type == Type::map) {
      const std::string_view inner = type == Type::array ? "items" : "values";
      const auto* items = member_of(json, inner);
      if (!items) throw DecodeError("this member is missing").within(inner);
      try {
        node.items = &parse(*items, space);
      } catch (const DecodeError& e) {
        throw e.within(inner);
      }
    } else if (type >= Type::fixed) {
      parse_named(node, json, space);
    }
    if (node.logical == Logical::decimal) read_decimal(node, json);
    return node;
  }

  void parse_named(Node& node, const Value& json, std::string_view space) {
    const auto* name = text_in(json, "name");
    if (!name || name->empty()) throw DecodeError("this member is missing").within("name");
    const auto* own_space = text_in(json, "namespace");
    node.name = full_name(*name, own_space ? std::string_view(*own_space) : space);
    node.aliases = texts_in(json, "aliases");
    if (!names_.emplace(node.name, &node).second)
      throw DecodeError("a second type of this name").within(node.name);
    if (node.type == Type::fixed) {
      const auto size = number_in(json, "size");
      if (!size) throw DecodeError("must be a size").within("size");
      node.size = *size;
    } else if (node.type == Type::enumeration) {
      node.symbols = texts_in(json, "symbols");
      // A default that is not text cannot be a symbol.
      if (const auto* symbol = member_of(json, "default"))
        node.default_value = std::holds_alternative<std::string>(symbol->is)
                                 ? std::get<std::string>(symbol->is)
                                 : "that is not text";
    } else {
      const auto dot = node.name.rfind('.');
      parse_fields(node, json, dot == std::string::npos ? std::string() : node.name.substr(0, dot));
    }
  }

  void parse_fields(Node& node, const Value& json, const std::string& space) {
    const auto* member = member_of(json, "fields");
    const auto* fields = member ? std::get_if<ValueList>(&member->is) : nullptr;
    if (member && !fields) throw DecodeError("must be a list").within("fields");
    if (!fields) return;
    std::set<std::string_view> names;
    for (const auto& json_field : *fields) {
      const auto* name = text_in(json_field, "name");
      const auto* type = member_of(json_field, "type");
      if (!name || !type) throw DecodeError("a field needs a name and a type").within(node.name);
      if (!names.insert(*name).second) throw DecodeError("a second field of this name").within(*name);
      try {
        Field field{.name = *name, .type = &parse(*type, space), .aliases = texts_in(json_field, "aliases")};
        if (const auto* default_value = member_of(json_field, "default"))
          field.default_value = *default_value;
        node.fields.push_back(std::move(field));
      } catch (const DecodeError& e) {
        throw e.within(*name);
      }
    }
  }

  // A decimal without a valid precision and scale is read as bytes, as the specification requires.
  static void read_decimal(Node& node, const Value& json) {
    const auto precision = number_in(json, "precision").value_or(0);
    const auto scale = member_of(json, "scale") ? number_in(json, "scale").value_or(precision + 1) : 0;
    if (precision == 0 || precision > 300 || scale > precision) {
      node.logical = Logical::none;
      return;
    }
    node.precision = static_cast<std::uint16_t>(precision);
    node.scale = static_cast<std::uint16_t>(scale);
  }

  static std::string full_name(std::string_view name, std::string_view space) {
    if (space.empty() || name.find('.') != name.npos) return std::string(name);
    return std::string(space).append(".").append(name);
  }

  Schema& schema_;
  std::map<std::string, const Node*, std::less<>> names_ = {};
  std::size_t depth_ = 0;
};

constexpr std::uint64_t most_least = 1u << 30;

std::uint64_t least_of(const Node& node) {
  switch (node.type) {
    case Type::null:
      return 0;
    case Type::float32:
      return 4;
    case Type::float64:
      return 8;
    case Type::fixed:
      return node.size;
    case Type::record: {
      std::uint64_t sum = 0;
      for (const auto& field : node.fields) sum += field.type->least;
      return sum;
    }
    default:
      return 1;
  }
}

// Whether a schema has more than `most` levels.
bool is_deeper(const Value& json, std::size_t most) {
  if (most == 0) return true;
  const auto inner = [&](const Value* v) { return v && is_deeper(*v, most - 1); };
  const auto field = [&](const Value& v) { return inner(member_of(v, "type")); };
  if (const auto* branches = std::get_if<ValueList>(&json.is))
    return std::any_of(branches->begin(), branches->end(), [&](const Value& v) { return inner(&v); });
  const auto* type = member_of(json, "type");
  if (type && !std::holds_alternative<std::string>(type->is)) return inner(type);
  const auto* fields = member_of(json, "fields");
  const auto* all = fields ? std::get_if<ValueList>(&fields->is) : nullptr;
  return (all && std::any_of(all->begin(), all->end(), field)) || inner(member_of(json, "items")) ||
         inner(member_of(json, "values"));
}

// Bytes of memory, roughly.
std::size_t weight_of(const std::vector<std::string>& texts) {
  std::size_t sum = texts.size() * sizeof texts[0];
  for (const auto& text : texts) sum += text.size();
  return sum;
}

std::size_t weight_of(const Value& value) {
  std::size_t sum = sizeof value;
  if (const auto* text = std::get_if<std::string>(&value.is)) sum += text->size();
  if (const auto* list = std::get_if<ValueList>(&value.is))
    for (const auto& item : *list) sum += weight_of(item);
  if (const auto* map = std::get_if<ValueMap>(&value.is))
    for (const auto& [name, member] : *map) sum += sizeof name + name.size() + weight_of(member);
  return sum;
}

std::size_t weight_of(const std::vector<Field>& fields) {
  std::size_t sum = 0;
  for (const auto& field : fields) {
    sum += sizeof field + field.name.size() + weight_of(field.aliases);
    if (field.default_value) sum += weight_of(*field.default_value) + field.default_datum.size();
  }
  return sum;
}

}  // namespace

const Value* member_of(const Value& json, std::string_view name) {
  const auto* map = std::get_if<ValueMap>(&json.is);
  if (!map) return nullptr;
  const auto found = std::find_if(map->begin(), map->end(), [&](const auto& m) { return m.first == name; });
  return found == map->end() ? nullptr : &found->second;
}

const std::string* text_in(const Value& json, std::string_view name) {
  const auto* member = member_of(json, name);
  return member ? std::get_if<std::string>(&member->is) : nullptr;
}

bool same_name(std::string_view name, std::string_view other) {
  const auto last = [](std::string_view n) { return n.substr(n.rfind('.') + 1); };
  return last(name) == last(other);
}

const Node& primitive(Type type) {
  static const auto nodes = [] {
    std::array<Node, 8> all;
    for (std::size_t i = 0; i < all.size(); ++i) all[i].type = static_cast<Type>(i), all[i].least = i > 0;
    all[static_cast<std::size_t>(Type::float32)].least = 4;
    all[static_cast<std::size_t>(Type::float64)].least = 8;
    return all;
  }();
  return nodes.at(static_cast<std::size_t>(type));
}

std::string_view spelled(Type type) {
  return type == Type::one_of ? "union" : spellings[static_cast<std::size_t>(type)].name;
}

Node& Schema::add(Node node) {
  if (nodes_.size() == max_nodes) throw DecodeError("the schema has too many types");
  return nodes_.emplace_back(std::move(node));
}

// Goes backwards, because most nodes precede their parts. A type that refers to an earlier one uses the size
// known so far, which is a lower bound too.
void Schema::measure() {
  for (int pass = 0; pass < 2; ++pass) {
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node)
      node->least = static_cast<std::uint32_t>(std::min(least_of(*node), most_least));
  }
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    std::uint64_t own = 0, all = 0;
    for (const auto& field : node->fields) {
      if (field.type->least == 0) ++own, all += 1 + std::uint64_t{field.type->weightless_in_all};
    }
    node->weightless = static_cast<std::uint32_t>(own);
    node->weightless_in_all = static_cast<std::uint32_t>(std::min(all, most_least));
  }
}

std::size_t Schema::weight() const {
  std::size_t sum = 0;
  for (const auto& node : nodes_) {
    sum += sizeof node + weight_of(node.aliases) + weight_of(node.symbols) + weight_of(node.fields) +
           node.branches.size() * sizeof node.branches[0];
  }
  for (const auto& fields : kept_) sum += weight_of(fields);
  return sum;
}

Schema parse_schema(const Value& json) {
  // Checked before parsing, because an error inside the parser adds a step to its path at each level.
  if (is_deeper(json, max_schema_depth)) throw DecodeError("the schema is nested too deep");
  Schema schema;
  SchemaParser parser(schema);
  schema.set_root(parser.parse(json, ""));
  schema.measure();
  return schema;
}

}  // namespace eventy::avro::detail
