// A plan for reading records with one embedded schema, and a cache of plans: a record costs a comparison of
// its schema's text, not a parse. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema.hpp"

namespace eventy::avro::detail {

class SchemaBook;

// The meaning of a top-level field of a record.
enum class Role : std::uint8_t {
  record_namespace,
  record_name,
  type,
  protocol_version,
  version,
  source,
  uuid,
  correlation_id,
  partition_key,
  timestamp,  // the first of the dates; in records of protocol 1 and 2, the first one present counts
  timestamp_ms,
  date_timestamp,
  date_timestamp_ms,
  event_timestamp,
  event_timestamp_ms,
  date_iso,
  date_iso8601,
  destination,
  request_uuid,
  ok,
  error_code,
  error_message,
  context,
  data,
  other,  // also the number of roles
};
inline constexpr auto roles = static_cast<std::size_t>(Role::other);
Role role_of(std::string_view field);
std::string_view name_of(Role role);

struct ReadPlan {
  std::string text;  // of the schema
  Schema written, resolved;
  const Node* root = nullptr;
  std::vector<Role> field_roles;  // of the root, if it is a record
  // The names for records without their own, from the schema's name, corrected as in the peer.
  std::string ns, name;

  std::size_t weight() const;  // bytes of memory, roughly
};
// Throws DecodeError with the path `avro.schema`.
std::unique_ptr<const ReadPlan> make_plan(std::string_view schema, const SchemaBook& book);
std::string as_urn(std::string_view dotted);  // replaces dots by colons, prepends urn: if it is missing

// A set-associative cache: a new entry replaces the oldest one of its set. Emptied when it exceeds
// max_weight.
class PlanCache {
 public:
  explicit PlanCache(const SchemaBook& book) : book_(book) {}
  const ReadPlan& find(std::string_view schema);  // valid until the next call

 private:
  static constexpr std::size_t sets = 64, ways = 4, max_weight = 16u << 20;
  struct Set {
    std::array<std::unique_ptr<const ReadPlan>, ways> entries = {};
    std::size_t oldest = 0;
  };

  const ReadPlan& add(Set& set, std::string_view schema);

  const SchemaBook& book_;
  std::array<Set, sets> sets_ = {};
  const ReadPlan* last_ = nullptr;
  std::size_t weight_ = 0;
};

}  // namespace eventy::avro::detail
