// What the tests of the Avro adapter share: schemas, and container files put together by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/avro/avro.hpp"

namespace eventy::tests {

inline std::string evsc(std::string_view type, std::string_view name, std::string_view data_fields) {
  return "protocol_version: 3.0.0\nnamespace: urn:my-shop:orders\nname: " + std::string(name) +
         "\ntype: " + std::string(type) + "\ndata_fields: " + std::string(data_fields) + "\n";
}

inline std::shared_ptr<const avro::AvroSerializer> serializer(const std::vector<std::string>& schemas) {
  return avro::AvroSerializer::from_texts(schemas).value();
}

inline Record record_of(Kind kind, std::string name, ValueMap data = {}) {
  Record record(kind, "urn:my-shop:orders", std::move(name), "urn:my-shop");
  record.set_uuid("0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09").set_correlation_id("c").set_partition_key("k");
  record.set_date(Instant(Duration(1767315845678)));
  if (kind == Kind::response)
    record.set_destination("urn:shop:web").set_request_uuid("11111111-2222-4333-8444-555555555555");
  record.data = std::move(data);
  return record;
}

// The error's text; empty: there is none.
template <class E, class F>
std::string error_of(F act) {
  try {
    act();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

// --- Avro by hand ---

inline std::string number(std::int64_t value) {
  auto rest = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  std::string out;
  for (; rest >= 0x80; rest >>= 7) out += static_cast<char>(rest | 0x80);
  return out + static_cast<char>(rest);
}
inline std::string sized(std::string_view text) {
  return number(static_cast<std::int64_t>(text.size())) + std::string(text);
}
inline std::string container(std::string_view schema, std::string_view datum,
                             std::string_view codec = "null") {
  const std::string sync = "0123456789abcdef";
  return "Obj\x01" + number(2) + sized("avro.codec") + sized(codec) + sized("avro.schema") + sized(schema) +
         number(0) + sync + number(1) + sized(datum) + sync;
}

// A schema of protocol 3 whose data has the given type, and the datum with the given bytes of data.
inline std::string schema_with(std::string_view data_type) {
  std::string fields;
  for (const auto* name : {"record_namespace", "record_name", "type", "protocol_version", "version", "source",
                           "uuid", "correlation_id", "date_iso8601"})
    fields += R"({"name":")" + std::string(name) + R"(","type":"string"},)";
  return R"({"type":"record","name":"R","fields":[)" + fields + R"({"name":"data","type":)" +
         std::string(data_type) + "}]}";
}
inline std::string with_envelope(std::string_view data) {
  return sized("urn:a") + sized("R") + sized("EVENT") + sized("3.0.0") + sized("1.0.0") + sized("urn:a") +
         sized("0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09") + sized("c") + sized("2026-01-02T01:04:05+00:00") +
         std::string(data);
}
inline std::string bytes_with(std::string_view data_type, std::string_view data) {
  return container(schema_with(data_type), with_envelope(data));
}

}  // namespace eventy::tests
