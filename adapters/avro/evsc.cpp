#include "evsc.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "eventy/core/utf8.hpp"
#include "schema.hpp"
#include "yaml_text.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::array<std::string_view, 6> members{"protocol_version", "namespace", "name", "type", "doc",
                                                  "data_fields"};

std::string required_text(const Value& json, std::string_view name) {
  const auto* text = text_in(json, name);
  if (!text || text->empty())
    throw DecodeError(member_of(json, name) ? "must be text" : "this member is missing").within(name);
  return *text;
}

Kind kind_in(const Value& json) {
  auto type = required_text(json, "type");
  for (char& c : type) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  const auto kind = kind_of(type);
  if (!kind) throw DecodeError("must be event, request or response").within("type");
  return *kind;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string avro_namespace(std::string urn) {
  replace_all(urn, "urn:", "");
  replace_all(urn, ":", ".");
  replace_all(urn, "-", "_");
  return urn;
}

Value text(std::string_view v) { return {std::string(v)}; }

Value list_of(std::initializer_list<const char*> names) {
  ValueList list;
  for (const auto* name : names) list.push_back(text(name));
  return {std::move(list)};
}

Value field(const char* name, Value type, const char* doc, const char* logical = nullptr) {
  ValueMap map{{"name", text(name)}, {"type", std::move(type)}};
  if (logical) map.emplace_back("logicalType", text(logical));
  map.emplace_back("doc", text(doc));
  return {std::move(map)};
}

// The texts are the peer's, byte for byte.
void add_envelope(ValueList& fields, Kind kind) {
  fields.push_back(field("record_namespace", text("string"), "Record namespace"));
  fields.push_back(field("record_name", text("string"), "Record name"));
  fields.push_back(field("type",
                         {ValueMap{{"name", text("RecordType")},
                                   {"type", text("enum")},
                                   {"symbols", {ValueList{text(to_string(kind))}}}}},
                         "Type of of record: one of EVENT, REQUEST or RESPONSE"));
  fields.push_back(
      field("protocol_version", text("string"),
            "Version of the Eventy protocol used for encoding this message (semver format: X.Y.Z)"));
  fields.push_back(field("version", text("string"),
                         "Version of the schema used for encoding this message (semver format: X.Y.Z)"));
  fields.push_back(field("source", text("string"), "Source of the record (URN of the producing service)"));
  fields.push_back(field("uuid", text("string"), "UUID for this record", "uuid"));
  fields.push_back(field("correlation_id", text("string"),
                         "Identifier propagated across the system and to link associated records together"));
  fields.push_back(field("partition_key", list_of({"string", "null"}),
                         "A string determining to which partition your record will be assigned"));
  fields.push_back(
      field("date_timestamp", text("long"), "UNIX timestamp in milliseconds", "timestamp-millis"));
  fields.push_back(field("date_iso8601", text("string"), "ISO 8601 date with timezone"));
  if (kind != Kind::response) return;
  fields.push_back(field("destination", text("string"), "URN of the destination service"));
  fields.push_back(field("request_uuid", text("string"), "UUID of the associated request"));
  fields.push_back(field("ok", text("boolean"), "Status: True if there was no error, false otherwise"));
  fields.push_back(field("error_code", list_of({"null", "int"}),
                         "Numeric code for the error, if ok is False, null otherwise"));
  fields.push_back(field("error_message", list_of({"null", "string"}),
                         "Description for the error, if ok is False, null otherwise"));
}

class PeerForm {
 public:
  Value schema(const Value& json, const std::string& space) {
    if (const auto* name = std::get_if<std::string>(&json.is)) return reference(*name, space);
    if (const auto* branches = std::get_if<ValueList>(&json.is)) {
      ValueList list;
      for (const auto& branch : *branches) list.push_back(schema(branch, space));
      return {std::move(list)};
    }
    const auto* type = text_in(json, "type");
    if (!type) throw DecodeError("must be a schema: a name, a list or a map with the name of a type");
    ValueMap out{{"type", text(*type)}};
    add_others(out, json,
               {"type", "name", "namespace", "fields", "items", "size", "symbols", "values", "doc"});
    if (*type == "array" || *type == "map") {
      const auto* inner = *type == "array" ? "items" : "values";
      if (const auto* items = member_of(json, inner)) out.emplace_back(inner, schema(*items, space));
    } else if (text_in(json, "name")) {
      add_named(out, json, space);
    } else if (out.size() == 1) {
      return reference(*type, space);
    }
    return {std::move(out)};
  }

 private:
  Value reference(const std::string& name, const std::string& space) {
    const auto full = space.empty() || name.find('.') != name.npos ? name : space + "." + name;
    return text(names_.contains(full) ? full : name);
  }

  void add_named(ValueMap& out, const Value& json, std::string space) {
    auto name = *text_in(json, "name");
    if (const auto* own = text_in(json, "namespace")) space = *own;
    const auto dot = name.rfind('.');
    if (dot != name.npos) space = name.substr(0, dot), name = name.substr(dot + 1);
    names_.insert(space.empty() ? name : space + "." + name);
    out.emplace_back("name", text(name));
    if (!space.empty()) out.emplace_back("namespace", text(space));
    if (const auto* size = member_of(json, "size")) out.emplace_back("size", *size);
    if (const auto* symbols = member_of(json, "symbols")) out.emplace_back("symbols", *symbols);
    const auto type = *text_in(json, "type");
    if (type == "record" || type == "error") add_fields(out, json, space);
    const auto* doc = text_in(json, "doc");
    if (doc && type != "fixed") out.emplace_back("doc", text(*doc));
  }

  void add_fields(ValueMap& out, const Value& json, const std::string& space) {
    ValueList list;
    const auto* fields = member_of(json, "fields");
    const auto* all = fields ? std::get_if<ValueList>(&fields->is) : nullptr;
    for (const auto& one : all ? *all : ValueList{}) {
      const auto *name = member_of(one, "name"), *type = member_of(one, "type");
      if (!name || !type) throw DecodeError("a field needs a name and a type").within("data_fields");
      ValueMap field;
      add_others(field, one, {"default", "name", "doc", "order", "type"});
      field.emplace_back("type", schema(*type, space));
      field.emplace_back("name", *name);
      for (const auto* last : {"default", "order", "doc"}) {
        const auto* value = member_of(one, last);
        const bool keeps_null = std::string_view(last) == "default";
        if (value && (keeps_null || !std::holds_alternative<std::nullptr_t>(value->is)))
          field.emplace_back(last, *value);
      }
      list.push_back({std::move(field)});
    }
    out.emplace_back("fields", Value{std::move(list)});
  }

  static void add_others(ValueMap& out, const Value& json, std::initializer_list<std::string_view> reserved) {
    for (const auto& [name, value] : std::get<ValueMap>(json.is)) {
      if (std::find(reserved.begin(), reserved.end(), name) == reserved.end()) out.emplace_back(name, value);
    }
  }

  std::set<std::string> names_ = {};
};

void check_protocol_version(const Value& json) {
  const auto version = parse_version(required_text(json, "protocol_version"));
  if (!version || version->major != 3)
    throw DecodeError("must be of the family >=3,<4").within("protocol_version");
}

}  // namespace

Evsc parse_evsc(const std::string& yaml) {
  if (!is_utf8(yaml)) throw DecodeError("must be UTF-8");
  const auto json = parse_yaml(yaml);
  const auto* map = std::get_if<ValueMap>(&json.is);
  if (!map) throw DecodeError("must be a map");
  for (const auto& [name, value] : *map) {
    if (std::find(members.begin(), members.end(), name) == members.end())
      throw DecodeError("there is no such member").within(name);
  }
  check_protocol_version(json);
  Evsc evsc{
      .ns = required_text(json, "namespace"), .name = required_text(json, "name"), .kind = kind_in(json)};
  if (!evsc.ns.starts_with("urn:")) throw DecodeError("must start with urn:").within("namespace");
  const auto absent = [](const Value* v) { return !v || std::holds_alternative<std::nullptr_t>(v->is); };
  const auto* doc = member_of(json, "doc");
  const auto* doc_text = text_in(json, "doc");
  if (!absent(doc) && !doc_text) throw DecodeError("must be text").within("doc");
  if (doc_text) evsc.doc = *doc_text;
  const auto* fields = member_of(json, "data_fields");
  if (absent(fields)) return evsc;
  if (!std::holds_alternative<ValueList>(fields->is))
    throw DecodeError("must be a list").within("data_fields");
  evsc.data_fields = *fields;
  return evsc;
}

Value avro_schema_of(const Evsc& evsc, ResponseData data) {
  const auto space = avro_namespace(evsc.ns);
  const auto map_of = [](Value values) {
    return Value{ValueMap{{"type", text("map")}, {"values", std::move(values)}}};
  };
  Value payload{ValueMap{{"type", text("record")},
                         {"name", text(evsc.name + "_data")},
                         {"namespace", text(space)},
                         {"fields", evsc.data_fields}}};
  if (evsc.kind == Kind::response && data == ResponseData::as_peer)
    payload = {ValueList{map_of({ValueList{}}), std::move(payload)}};
  ValueList fields;
  add_envelope(fields, evsc.kind);
  fields.push_back(field(
      "context", map_of(map_of(list_of({"string", "double", "float", "long", "int", "boolean", "null"}))),
      "Context data, always propagated"));
  fields.push_back(field("data", std::move(payload), "Record payload"));
  // In its default text, the peer spells the type as Python spells an enum.
  const auto doc = evsc.doc.empty()
                       ? evsc.name + " RecordType." + std::string(to_string(evsc.kind)) + " Record"
                       : evsc.doc;
  return {ValueMap{{"name", text(evsc.name)},
                   {"namespace", text(space)},
                   {"doc", text(doc)},
                   {"type", text("record")},
                   {"fields", {std::move(fields)}}}};
}

Value peer_form(const Value& schema) { return PeerForm().schema(schema, ""); }

}  // namespace eventy::avro::detail
