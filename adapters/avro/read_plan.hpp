// What is known of an embedded schema, and the cache of that: a record costs a comparison of its schema's
// text, not a parse. One thread.
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

// What a field at the top of a record means.
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
  timestamp,  // dates, the first of them that is there counts in records of protocol 1 and 2
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
  other,  // and how many have a meaning
};
inline constexpr auto roles = static_cast<std::size_t>(Role::other);
Role role_of(std::string_view field);
std::string_view name_of(Role role);

struct ReadPlan {
  std::string text;  // of the schema
  Schema written, resolved;
  const Node* root = nullptr;
  std::vector<Role> field_roles;  // of the root, if it is a record
  // What the schema's own name says of records that do not tell theirs, repaired as the peer does.
  std::string ns, name;

  std::size_t weight() const;  // bytes of memory, roughly
};
// Throws DecodeError within `avro.schema`.
std::unique_ptr<const ReadPlan> make_plan(std::string_view schema, const SchemaBook& book);
std::string as_urn(std::string_view dotted);  // dots become colons, and urn: is put in front

// Sets of few entries, in which a new one replaces the oldest; emptied when they weigh too much.
class PlanCache {
 public:
  explicit PlanCache(const SchemaBook& book) : book_(book) {}
  const ReadPlan& find(std::string_view schema);  // lasts until the next call

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
