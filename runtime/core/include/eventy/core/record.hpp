// A record as the protocol defines it (protocol.md, "Record"): Envelope, a set of views for the hot path, and
// Record, which owns its data and whose setters reject what breaks a rule.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/context.hpp"

namespace eventy {

inline constexpr std::string_view protocol_version = "3.0.0";  // what this library writes

// Prefix of the names of records that the runtime itself writes. They have no data and belong to the
// namespace of the service that they are about. Formats with schemas need no schema for them.
inline constexpr std::string_view runtime_name_prefix = "eventy.";

std::string_view to_string(Kind kind);  // EVENT, REQUEST, RESPONSE
std::optional<Kind> kind_of(std::string_view type);

// A record without its context and data. The maker of the views defines how long they are valid.
struct Envelope {
  Kind kind = Kind::event;
  std::string_view ns = {}, name = {}, protocol_version = eventy::protocol_version, version = {}, source = {};
  std::string_view uuid = {}, correlation_id = {};
  std::optional<std::string_view> partition_key = {};
  Instant date = {};
  // responses only
  std::string_view destination = {}, request_uuid = {};
  bool ok = true;
  std::optional<std::int64_t> error_code = {};
  std::optional<std::string_view> error_message = {};
};

// The first rule that the envelope breaks, as `field: what is wrong with "value"`; nullopt if it breaks none.
// A protocol version outside >=3,<4 breaks a rule.
std::optional<std::string> broken_rule(const Envelope& e);

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};
// SemVer. Ignores a pre-release or build suffix.
std::optional<Version> parse_version(std::string_view text);

// A record that owns its data, for tools, tests and clients. Setters throw std::invalid_argument that names
// the field and the value.
class Record {
 public:
  // A new record: a random uuid, the current date, version 1.0.0, and a correlation id SERVICE:NAME:RANDOM
  // where SERVICE is the source without `urn:`.
  Record(Kind kind, std::string ns, std::string name, std::string source);
  // Copies the envelope. Throws std::invalid_argument as the setters do.
  explicit Record(const Envelope& e);

  Envelope envelope() const;  // views into this record
  Kind kind() const { return kind_; }
  const std::string& ns() const { return ns_; }
  const std::string& name() const { return name_; }
  const std::string& protocol_version() const { return protocol_version_; }
  const std::string& version() const { return version_; }
  const std::string& source() const { return source_; }
  const std::string& uuid() const { return uuid_; }
  const std::string& correlation_id() const { return correlation_id_; }
  const std::optional<std::string>& partition_key() const { return partition_key_; }
  Instant date() const { return date_; }
  const std::string& destination() const { return destination_; }
  const std::string& request_uuid() const { return request_uuid_; }
  bool ok() const { return ok_; }
  const std::optional<std::int64_t>& error_code() const { return error_code_; }
  const std::optional<std::string>& error_message() const { return error_message_; }

  Record& set_protocol_version(std::string v);
  Record& set_version(std::string v);
  Record& set_source(std::string v);
  Record& set_uuid(std::string v);
  Record& set_correlation_id(std::string v);
  Record& set_partition_key(std::optional<std::string> v);
  Record& set_date(Instant v);
  // The next three throw if the record is not a response.
  Record& set_destination(std::string v);
  Record& set_request_uuid(std::string v);
  Record& set_refusal(std::optional<std::int64_t> code, std::optional<std::string> message);

  Context context = {};
  ValueMap data = {};

 private:
  void check() const;
  void require_response(std::string_view field, std::string_view value) const;
  Kind kind_;
  std::string ns_, name_, protocol_version_{eventy::protocol_version}, version_{"1.0.0"}, source_, uuid_,
      correlation_id_;
  std::optional<std::string> partition_key_ = {};
  Instant date_ = {};
  std::string destination_ = {}, request_uuid_ = {};
  bool ok_ = true;
  std::optional<std::int64_t> error_code_ = {};
  std::optional<std::string> error_message_ = {};
};

}  // namespace eventy
