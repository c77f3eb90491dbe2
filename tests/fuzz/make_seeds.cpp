// make_seeds FOLDER: writes the first files of the corpus, a folder a target, each by the encoder of what it
// holds. Those that were found or written by hand are beside them.
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "adapters/kafka/changelog.hpp"
#include "adapters/kafka/positions.hpp"
#include "eventy/avro/avro.hpp"
#include "eventy/engine/runtime.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/protobuf/message.hpp"
#include "eventy/protobuf/protobuf.hpp"
#include "eventy/store/chunk.hpp"
#include "runtime/engine/failure_rows.hpp"
#include "shop.pb.h"

using namespace eventy;
using namespace std::string_literals;

namespace {

std::filesystem::path folder;

void put(const std::string& target, const std::string& name, std::string_view bytes) {
  std::filesystem::create_directories(folder / target);
  std::ofstream(folder / target / name, std::ios::binary) << bytes;
}

constexpr const char* schema =
    "protocol_version: 3.0.0\n"
    "namespace: urn:shop\n"
    "name: NAME\n"
    "type: TYPE\n"
    "doc: a line\n"
    "data_fields:\n"
    "- {name: n, type: long, default: 7}\n"
    "- {name: word, type: string, doc: said, aliases: [w], default: \"\"}\n"
    "- {name: size, type: {type: enum, name: Size, symbols: [SMALL, LARGE]}, default: SMALL}\n"
    "- {name: more, type: [\"null\", {type: array, items: [double, boolean]}], default: null}\n"
    "- {name: raw, type: {type: fixed, name: Raw, size: 2}, default: \"ab\"}\n"
    "- {name: day, type: {type: int, logicalType: date}, default: 0}\n"
    "- {name: price, type: {type: bytes, logicalType: decimal, precision: 9, scale: 2}, default: \"\"}\n"
    "- {name: prices, type: {type: map, values: float}, default: {}}\n";

std::string schema_of(std::string_view name, std::string_view type) {
  std::string text(schema);
  text.replace(text.find("NAME"), 4, name);
  return text.replace(text.find("TYPE"), 4, type);
}

Value bytes_of(std::string_view text) {
  const auto* at = reinterpret_cast<const std::byte*>(text.data());
  return {std::vector<std::byte>(at, at + text.size())};
}

Record record_of(Kind kind, const std::string& name) {
  Record r(kind, "urn:shop", name, "urn:shop:desk");
  r.set_uuid("0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09").set_correlation_id("c").set_partition_key("\u00e9");
  r.set_date(Instant(Duration(1767315845678)));
  r.context["urn:shop"] = {{"n", std::int64_t{-7}}, {"x", 1.5}, {"t", "text"}, {"y", true}, {"no", nullptr}};
  if (kind == Kind::response) {
    r.set_destination("urn:web").set_request_uuid("11111111-2222-4333-8444-555555555555");
    r.set_refusal(409, "full");
  }
  r.data = {{"n", {std::int64_t{1} << 40}}, {"word", {"two\nlines"s}},
            {"size", {"LARGE"s}},           {"more", {ValueList{{1.5}, {true}}}},
            {"raw", bytes_of("xy")},        {"day", {std::int64_t{20'000}}},
            {"price", {"12.30"s}},          {"prices", {ValueMap{{"a", {0.5}}}}}};
  return r;
}

void put_records(const std::string& target, const Serializer& format) {
  for (const auto& [kind, name] : {std::pair(Kind::event, "Placed"), std::pair(Kind::request, "Ask"),
                                   std::pair(Kind::response, "Answer")}) {
    const auto bytes = encode(record_of(kind, name), *format.make_encoder());
    put(target, name, bytes);
    if (kind != Kind::response) put("mixed", std::string(format.name()) + "_" + name, bytes);
  }
}

void put_messages(const Serializer& format) {
  shop::Placed m;
  m.set_n(-7);
  m.add_items()->set_sku("a");
  (*m.mutable_prices())["b"] = 1.5;
  (*m.mutable_floors())[-2] = "cellar";
  m.mutable_at()->set_seconds(-1);
  auto record = record_of(Kind::event, "Placed");
  const auto encoder = format.make_encoder();
  std::string bytes;
  write(encoder->begin(record.envelope(), {.common = &record.context, .version = 1}, bytes), m);
  encoder->end();
  put("protobuf", "message", bytes);
}

template <class Row>
std::string state(const Row& row) {
  std::string bytes;
  write_state(eventy::detail::state_ops<Row>, &row, *msgpack::state_format()->make_encoder(), bytes);
  return bytes;
}

struct Leg {
  std::string dest = "JFK";
  float miles = 1.5;
  EVENTY_FIELDS(dest, miles);
};
struct State {  // as in targets/state.cpp
  std::int8_t tiny = -3;
  std::uint64_t large = UINT64_MAX;
  double real = 0.5;
  bool yes = true;
  std::string size = "large";
  Instant at = Instant(Duration(1767315845678));
  std::optional<std::string> text = "t";
  std::vector<std::byte> raw = std::vector<std::byte>(2);
  std::vector<Leg> legs = {{}, {}};
  std::map<std::string, std::vector<bool>> flags = {{"a", {true, false}}};
  Value any = {ValueMap{{"x", {ValueList{{1.5}, {nullptr}}}}}};
  EVENTY_FIELDS(tiny, large, real, yes, size, at, text, raw, legs, flags, any);
};

std::string sized(std::string_view part) {
  return std::string{static_cast<char>(part.size()), static_cast<char>(part.size() >> 8)}.append(part);
}

void put_failures() {
  const Bytes reason = to_bytes("busy");
  const WaitingInput waiting{"t", 7, Instant(Duration(5)), true, {{"handler", 2, true, 1, reason, reason}}};
  const ParkedTotals totals{1, 2, 30, {to_bytes("k")}};
  const ParkedHead head{3, 5, Instant(Duration(6)), reason};
  const ParkedRecord record{.topic = "t",
                            .partition = 1,
                            .offset = 9,
                            .key = to_bytes("k"),
                            .value = to_bytes("value"),
                            .headers = {{to_bytes("name"), to_bytes("v")}},
                            .handlers = {"handler"},
                            .attempts = 3,
                            .reason = reason,
                            .error_class = reason};
  const auto rows = sized(state(totals)) + sized(state(head)) + sized(state(record));
  put("failures", "all", sized(state(waiting)) + rows);
  put("failures", "parked", sized("") + rows);
  put("failures", "record_is_missing", sized("") + sized(state(totals)) + sized(state(head)));
}

void put_chunks() {
  ChunkBody body;
  const std::array<Header, 2> headers{Header{"name", "value"}, Header{"", ""}};
  body.add("key", "value", headers);
  body.add(std::nullopt, "", {});
  body.add("", "another value", std::span(headers).first(1));
  char header[chunk_header_size];
  body.seal_header(Offset{40}, header, Checksum::verify);
  const auto chunk = std::string(header, chunk_header_size) + body.bytes;
  put("chunk", "all", "\x01\x00\xff\xff\x01"s + chunk);
  put("chunk", "second", "\x00\x01\x01\x01\x00"s + chunk);
  put("chunk", "one_byte_limit", "\x01\x00\x02\x00\x01"s + chunk);
}

void put_kafka() {
  using namespace kafka::detail;
  put("kafka", "note", to_text({"counter-node", "node-7-12", "0d6a7d4f", Offset{42}}));
  put("kafka", "takeover", to_text({.by = "counter-node"}));
  put("kafka", "key", changelog_key("state", "a key"));
  put("kafka", "log_name", LogName{"0d6a7d4f", {"a-events", "b-requests"}}.text());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: make_seeds FOLDER\n", 2;
  folder = argv[1];
  const std::vector<std::string> schemas{schema_of("Placed", "event"), schema_of("Ask", "request"),
                                         schema_of("Answer", "response")};
  put_records("avro", *avro::AvroSerializer::from_texts(schemas).value());
  put_records("protobuf", *protobuf::serializer());
  put_records("json", *json::serializer());
  put_records("msgpack", *msgpack::serializer());
  put_messages(*protobuf::serializer());
  for (std::size_t i = 0; i < schemas.size(); ++i)
    put("avro_schema", "schema" + std::to_string(i + 1) + ".yaml", schemas[i]);
  put("state", "all", state(State()));
  put_failures();
  put_chunks();
  put_kafka();
}
