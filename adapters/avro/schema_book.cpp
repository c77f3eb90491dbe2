#include "schema_book.hpp"

#include <avro.h>

#include <algorithm>

#include "json_text.hpp"

namespace eventy::avro::detail {

namespace {

// Checks with the Avro C library that others can read the schema.
void check_by_library(const Evsc& evsc) {
  const auto text = python_json(avro_schema_of(evsc, ResponseData::record_only));
  avro_schema_t schema = nullptr;
  if (avro_schema_from_json_length(text.data(), text.size(), &schema) != 0)
    throw DecodeError(std::string("not an Avro schema: ") + avro_strerror());
  avro_schema_decref(schema);
}

const Node* data_in(const Node& root) {
  const Node* data = root.fields.back().type;
  return data->type == Type::one_of ? data->branches.back() : data;
}

}  // namespace

WriteSchema make_write_schema(const Evsc& evsc) {
  WriteSchema made;
  const auto json = peer_form(avro_schema_of(evsc));
  made.kind = evsc.kind;
  made.text = python_json(json);
  if (made.text.size() > max_schema_bytes)
    throw DecodeError("more than the limit of " + std::to_string(max_schema_bytes) +
                      " bytes as an Avro schema");
  made.frame = make_frame(made.text);
  made.schema = parse_schema(json);
  made.schema.encode_defaults();
  check_by_library(evsc);
  made.data = data_in(made.schema.root());
  return made;
}

bool is_own_record(Kind kind, std::string_view name) {
  return kind == Kind::request && name.starts_with(runtime_name_prefix);
}

// Replaces dots in the name, because Avro would take the part before a dot as a namespace.
WriteSchema make_own_schema(std::string_view ns, std::string_view name) {
  Evsc evsc{.ns = std::string(ns), .name = std::string(name), .kind = Kind::request};
  std::replace(evsc.name.begin(), evsc.name.end(), '.', '_');
  return make_write_schema(evsc);
}

std::string no_schema(std::string_view ns, std::string_view name) {
  return "there is no Avro schema for " + std::string(ns) + ":" + std::string(name);
}

std::string another_kind(const WriteSchema& schema, Kind kind, std::string_view ns, std::string_view name) {
  return "type: the Avro schema of " + std::string(ns) + ":" + std::string(name) + " is of type " +
         std::string(to_string(schema.kind)) + ", not " + std::string(to_string(kind));
}

void SchemaBook::add(const Evsc& evsc) {
  if (schemas_.contains(evsc.qualified_name()))
    throw DecodeError("a second schema of this name").within(evsc.qualified_name());
  auto made = std::make_unique<WriteSchema>(make_write_schema(evsc));
  const auto [at, fresh] = by_avro_name_.emplace(made->schema.root().name, made->data);
  if (!fresh) at->second = nullptr;
  schemas_.emplace(evsc.qualified_name(), std::move(made));
}

const WriteSchema* SchemaBook::find(std::string_view ns, std::string_view name) const {
  const auto at = schemas_.find(std::string(ns).append(":").append(name));
  return at == schemas_.end() ? nullptr : at->second.get();
}

const Node* SchemaBook::data_of(std::string_view avro_name) const {
  const auto at = by_avro_name_.find(avro_name);
  return at == by_avro_name_.end() ? nullptr : at->second;
}

std::vector<std::string> SchemaBook::qualified_names() const {
  std::vector<std::string> names;
  for (const auto& [name, schema] : schemas_) names.push_back(name);
  return names;
}

}  // namespace eventy::avro::detail
