// `.evsc.yaml` schemas (runtime/core/protocol.md, "Avro"): parses them, and derives the Avro schema, byte for
// byte as the Python peer embeds it.
#pragma once

#include <string>

#include "eventy/core/codec.hpp"
#include "eventy/core/record.hpp"

namespace eventy::avro::detail {

struct Evsc {
  std::string ns, name;
  Kind kind = Kind::event;
  std::string doc = {};  // empty: none
  Value data_fields = {ValueList{}};

  std::string qualified_name() const { return ns + ":" + name; }
};

Evsc parse_evsc(const std::string& yaml);  // throws DecodeError

// The type of a response's data: in the peer's schema a union of an empty map and the record. The Avro C
// library cannot read that union.
enum class ResponseData : std::uint8_t { as_peer, record_only };
Value avro_schema_of(const Evsc& evsc, ResponseData data = ResponseData::as_peer);

// A schema with its members in the peer's order and with full names; repeated types only by their names.
Value peer_form(const Value& schema);

}  // namespace eventy::avro::detail
