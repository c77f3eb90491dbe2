// A record as the protocol defines it (runtime/core/protocol.md, "Record"): the envelope as views for the hot
// path, and an owning Record whose setters refuse what breaks a rule.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/context.hpp"

namespace eventy {

inline constexpr std::string_view protocol_version = "3.0.0";  // what this library writes

// Names of records that the runtime itself writes begin so. They have no data and belong to the namespace of
// the service that they are about; formats with schemas know them without one.
inline constexpr std::string_view own_names = "eventy.";

std::string_view to_string(Kind kind);  // EVENT, REQUEST, RESPONSE
std::optional<Kind> kind_of(std::string_view type);

// All of a record but its context and data. Views: whoever makes one says how long they last.
struct Envelope {
  Kind kind = Kind::event;
  std::string_view ns = {}, name = {}, protocol_version = eventy::protocol_version, version = {}, source = {};
  std::string_view uuid = {}, correlation_id = {};
  std::optional<std::string_view> partition_key = {};
  Instant date = {};
  // of a response only
  std::string_view destination = {}, request_uuid = {};
  bool ok = true;
  std::optional<std::int64_t> error_code = {};
  std::optional<std::string_view> error_message = {};
};

// The first rule that the envelope breaks, as `field: what is wrong with "value"`; nullopt if it keeps them
// all. A protocol version outside >=3,<4 is one of them.
std::optional<std::string> broken_rule(const Envelope& e);

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};
std::optional<Version> parse_version(
    std::string_view text);  // SemVer; a pre-release or build suffix is passed over

// An owning record, for tools, tests and clients. Setters throw std::invalid_argument that names field and
// value.
class Record {
 public:
  // A new record: uuid random, date now, correlation id begun as SERVICE:NAME:RANDOM with `service` = the
  // source without `urn:`, version 1.0.0.
  Record(Kind kind, std::string ns, std::string name, std::string source);
  // Copies what the views show. Throws std::invalid_argument as the setters do.
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
  // The three below refuse a record that is no response.
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
