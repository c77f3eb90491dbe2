#include "read_plan.hpp"

#include <algorithm>
#include <cstring>

#include "json_text.hpp"
#include "resolve.hpp"
#include "schema_book.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::array<std::string_view, roles> role_names{"record_namespace",
                                                         "record_name",
                                                         "type",
                                                         "protocol_version",
                                                         "version",
                                                         "source",
                                                         "uuid",
                                                         "correlation_id",
                                                         "partition_key",
                                                         "timestamp",
                                                         "timestamp_ms",
                                                         "date_timestamp",
                                                         "date_timestamp_ms",
                                                         "event_timestamp",
                                                         "event_timestamp_ms",
                                                         "date_iso",
                                                         "date_iso8601",
                                                         "destination",
                                                         "request_uuid",
                                                         "ok",
                                                         "error_code",
                                                         "error_message",
                                                         "context",
                                                         "data"};

// The name of a schema and its namespace, as given in the JSON.
void name_records(ReadPlan& plan, const Value& json) {
  const auto* name = text_in(json, "name");
  const auto* ns = text_in(json, "namespace");
  plan.name = name && !name->empty() ? *name : "Unspecified";
  plan.ns = as_urn(ns && !ns->empty() ? *ns : "unspecified");
}

// Resolves only the data of a record of protocol 3; the protocol defines its envelope.
void resolve_data(ReadPlan& plan, const SchemaBook& book) {
  const Node& root = *plan.root;
  const auto* wanted = root.type == Type::record ? book.data_of(root.name) : nullptr;
  const auto data = std::find(plan.field_roles.begin(), plan.field_roles.end(), Role::data);
  if (!wanted || data == plan.field_roles.end()) return;
  const auto at = static_cast<std::size_t>(data - plan.field_roles.begin());
  Node& own = plan.resolved.add(root);
  own.fields[at].type = &resolve(*root.fields[at].type, *wanted, plan.resolved);
  plan.root = &own;
}

// A cheap hash. Differs for schemas of different length and of different records.
std::size_t sample_of(std::string_view text) {
  std::uint64_t words[3] = {};
  const std::size_t size = std::min<std::size_t>(text.size(), sizeof words[0]);
  for (std::size_t i = 0; i < 3 && size > 0; ++i)
    std::memcpy(&words[i], text.data() + (text.size() - size) / 3 * (i + 1), size);
  const auto mixed = (words[0] * 31 + words[1]) * 31 + words[2] + text.size();
  return static_cast<std::size_t>(mixed * 0x9e3779b97f4a7c15 >> 32);
}

}  // namespace

Role role_of(std::string_view field) {
  return static_cast<Role>(std::find(role_names.begin(), role_names.end(), field) - role_names.begin());
}

std::string_view name_of(Role role) { return role_names.at(static_cast<std::size_t>(role)); }

std::string as_urn(std::string_view dotted) {
  std::string urn(dotted);
  std::replace(urn.begin(), urn.end(), '.', ':');
  return urn.starts_with("urn:") ? urn : "urn:" + urn;
}

std::size_t ReadPlan::weight() const {
  return text.size() + sizeof *this + written.weight() + resolved.weight();
}

std::unique_ptr<const ReadPlan> make_plan(std::string_view schema, const SchemaBook& book) {
  try {
    auto plan = std::make_unique<ReadPlan>();
    plan->text = schema;
    const auto json = parse_json(schema);
    plan->written = parse_schema(json);
    plan->root = &plan->written.root();
    for (const auto& field : plan->root->fields) plan->field_roles.push_back(role_of(field.name));
    name_records(*plan, json);
    resolve_data(*plan, book);
    plan->resolved.measure();
    return plan;
  } catch (const DecodeError& e) {
    throw e.within("avro.schema");
  }
}

const ReadPlan& PlanCache::find(std::string_view schema) {
  if (last_ && last_->text == schema) [[likely]]
    return *last_;
  Set& set = sets_[sample_of(schema) % sets];
  for (const auto& entry : set.entries) {
    if (entry && entry->text == schema) return *(last_ = entry.get());
  }
  return add(set, schema);
}

const ReadPlan& PlanCache::add(Set& set, std::string_view schema) {
  auto plan = make_plan(schema, book_);
  last_ = nullptr;
  if (weight_ + plan->weight() > max_weight) sets_ = {}, weight_ = 0;
  auto& entry = set.entries[set.oldest];
  if (entry) weight_ -= entry->weight();
  set.oldest = (set.oldest + 1) % ways;
  entry = std::move(plan);
  weight_ += entry->weight();
  return *(last_ = entry.get());
}

}  // namespace eventy::avro::detail
