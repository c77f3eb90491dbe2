// Bombs for every decoder: few bytes that mean much. Each is refused within a quarter of a millisecond and
// within memory that its size bounds. The last tests show that a missing cap is found.
#define CAF_SUITE bombs

#include <caf/test/unit_test.hpp>

#include <chrono>

#include "eventy/avro/avro.hpp"
#include "eventy/core/record_serializer.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/protobuf/protobuf.hpp"
#include "eventy/store/chunk.hpp"
#include "tests/fuzz/bombs.hpp"
#include "tests/fuzz/memory_watch.hpp"
#include "tests/unit/avro/support.hpp"
#include "tests/unit/protobuf/wire.hpp"

using namespace eventy;
using namespace eventy::fuzz;
using namespace std::string_literals;
using tests::bytes_with, tests::container, tests::number, tests::sized, tests::schema_with,
    tests::with_envelope;

namespace {

using Format = std::shared_ptr<const Serializer>;

constexpr int deep = 2'000;                                               // levels
constexpr DecodeLimits few{.max_bytes = 64u << 10, .max_elements = 100};  // of elements

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// A record that is read whole: envelope, context, data.
Bomb record(std::string name, const Format& format, std::string bytes, const DecodeLimits& limits = {}) {
  const auto size = bytes.size();
  bytes.append(value_padding, '\0');
  return {std::string(format->name()) + ": " + name, size, [=, bytes = std::move(bytes)] {
            const auto decoder = format->make_decoder(limits);
            Record read_record(decoder->decode(std::string_view(bytes).substr(0, size)));
            decoder->read_context(read_record.context);
            read(decoder->data(), read_record.data, Absent::is_error);
          }};
}

// Optimised code is judged by time, as it is used.
Caps caps() {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && defined(NDEBUG)
  return {};
#else
  return {.time = std::chrono::nanoseconds(0)};
#endif
}

void judge(const std::vector<Bomb>& bombs, const Caps& held_to = caps()) {
  for (const auto& bomb : bombs) CAF_CHECK_EQUAL(complaint(bomb, held_to), "");
}

const Format as_json = json::serializer(), as_msgpack = msgpack::serializer(),
             as_avro = tests::serializer({}), as_protobuf = protobuf::serializer();

std::string json_with(std::string_view data) {
  return R"({"type":"EVENT","namespace":"urn:a","name":"R","protocol_version":"3.0.0","version":"1.0.0",)"
         R"("source":"urn:a","uuid":"0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09","correlation_id":"c",)"
         R"("date_iso8601":"2026-01-02T01:04:05+00:00","context":{},"data":)" +
         std::string(data) + "}";
}

// The envelope, up to its data: the last member.
std::string msgpack_with(std::string_view data) {
  auto bytes = encode(tests::record_of(Kind::event, "R"), *as_msgpack->make_encoder());
  bytes.pop_back();  // an empty map
  return bytes.append(data);
}

std::string protobuf_with(std::string_view fields) {
  auto bytes = encode(tests::record_of(Kind::event, "R"), *as_protobuf->make_encoder());
  const auto none = tests::block(17, "");
  CAF_REQUIRE(bytes.ends_with(none));
  bytes.resize(bytes.size() - none.size());
  return bytes + tests::block(17, fields);
}

// A record of Avro whose data is a record of one member.
std::string avro_with(std::string_view type, std::string_view value) {
  return bytes_with(
      R"({"type":"record","name":"D","fields":[{"name":"a","type":)" + std::string(type) + "}]}", value);
}

std::vector<Bomb> avro_schemas() {
  std::string twice = R"({"type":"record","name":"L0","fields":[]})";
  for (int i = 1; i <= 24; ++i)
    twice = R"({"type":"record","name":"L)" + std::to_string(i) + R"(","fields":[{"name":"a","type":)" +
            twice + R"(},{"name":"b","type":"L)" + std::to_string(i - 1) + "\"}]}";
  const auto list_of = [](const std::string& type) { return R"({"type":"array","items":)" + type + "}"; };
  const auto symbol =
      list_of(R"({"type":"enum","name":"E","symbols":[")" + std::string(1'000, 's') + R"("]})");
  const auto zeros = list_of(R"({"type":"bytes","logicalType":"decimal","precision":300,"scale":300})");
  const auto items = number(500) + std::string(500, '\0') + number(0);
  const auto levels = [](std::string_view begin, std::string_view end, int times) {
    return container(repeat(begin, times) + "\"null\"" + repeat(end, times), "");
  };
  return {record("records that each name the one before twice", as_avro, avro_with(twice, "")),
          record("a schema of lists in lists", as_avro, levels(R"({"type":"array","items":)", "}", 250)),
          record("a schema of unions in unions", as_avro, levels("[", "]", deep)),
          record("a long symbol many times", as_avro, avro_with(symbol, items), {.max_bytes = 64u << 10}),
          record("decimals of many digits", as_avro,
                 avro_with(zeros, number(500) + repeat(number(1) + "\1", 500) + number(0)),
                 {.max_bytes = 64u << 10})};
}

// A format as one would write it who believes what the bytes claim.
class Believer final : public RecordSerializer {
 public:
  explicit Believer(std::chrono::microseconds spends) : spends_(spends) {}
  std::string_view name() const override { return "believer"; }
  void encode(const Record&, std::string&) const override {}
  Record decode(std::string_view bytes) const override {
    const auto until = std::chrono::steady_clock::now() + spends_;
    while (std::chrono::steady_clock::now() < until) {
    }
    std::uint32_t claimed = 0;
    bytes.copy(reinterpret_cast<char*>(&claimed), sizeof claimed);
    const std::vector<char> room(claimed);
    throw DecodeError("the bytes end too early for " + std::to_string(room.size()));
  }

 private:
  std::chrono::microseconds spends_;
};

}  // namespace

CAF_TEST(records_of_json) {
  judge({record("lists in lists", as_json, json_with(repeat("[", deep) + repeat("]", deep))),
         record("lists that are not closed", as_json, json_with(repeat("[", deep))),
         record("maps in maps", as_json, json_with(repeat(R"({"a":)", deep) + "1" + repeat("}", deep))),
         record("very many members", as_json, json_with("{\"b\":[0" + repeat(",0", 1'000) + "]}"), few),
         record("digits without end", as_json, json_with("{\"a\":" + repeat("9", 4'000) + "}")),
         record("more bytes than the limit", as_json, json_with(repeat(" ", 70'000)), few)});
}

CAF_TEST(records_of_msgpack) {
  const auto all = repeat("\xdd\xff\xff\xff\xff", 500);
  judge({record("lists in lists", as_msgpack, msgpack_with(repeat("\x91", deep) + "\xc0")),
         record("maps in maps", as_msgpack, msgpack_with(repeat("\x81\xa1x", deep) + "\xc0")),
         record("a claimed list", as_msgpack, msgpack_with("\x81\xa1x\xdd\xff\xff\xff\xff")),
         record("claimed lists in claimed lists", as_msgpack, msgpack_with("\x81\xa1x" + all)),
         record("a claimed map", as_msgpack, msgpack_with("\xdf\xff\xff\xff\xff")),
         record("a claimed text", as_msgpack, msgpack_with("\x81\xa1x\xdb\xff\xff\xff\xff")),
         record("claimed bytes", as_msgpack, msgpack_with("\x81\xa1x\xc6\xff\xff\xff\xff")),
         record("a claimed extension", as_msgpack, msgpack_with("\x81\xa1x\xc9\xff\xff\xff\xff\xff")),
         record("very many items", as_msgpack,
                msgpack_with("\x81\xa1x\xdc\x03\xe8" + std::string(1'000, '\0')), few)});
}

CAF_TEST(records_of_avro) {
  const auto huge = std::int64_t{1} << 62;
  const auto list = R"({"type":"array","items":"long"})", nulls = R"({"type":"array","items":"null"})",
             map = R"({"type":"map","values":"null"})";
  const auto meta = "Obj\x01"s + number(huge) + sized("avro.schema") + sized("\"null\"");
  const auto list_in_list =
      R"({"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"R"}}]})";
  judge({record("a claimed list", as_avro, avro_with(list, number(huge))),
         record("a claimed list of a claimed size", as_avro, avro_with(list, number(-huge) + number(huge))),
         record("a list of nulls", as_avro, avro_with(nulls, number(huge) + number(0))),
         record("a claimed map", as_avro, avro_with(map, number(huge))),
         record("a claimed text", as_avro, avro_with("\"string\"", number(huge))),
         record("a claimed fixed", as_avro,
                avro_with(R"({"type":"fixed","name":"F","size":4611686018427387904})", "")),
         record("a claimed header", as_avro, meta),
         record("a claimed schema", as_avro, "Obj\x01"s + number(1) + sized("avro.schema") + number(huge)),
         record("lists in lists", as_avro,
                container(list_in_list, repeat(number(1), deep) + std::string(deep + 1, '\0'))),
         record("very many items", as_avro, avro_with(list, number(1'000) + std::string(1'001, '\0')), few),
         record("compressed data", as_avro, container("\"null\"", std::string(2'000, 'x'), "deflate"))});
}

CAF_TEST(schemas_of_avro) { judge(avro_schemas()); }

// What a decoder remembers of schemas is bounded, however many there are and whatever they hold.
CAF_TEST(very_many_schemas_of_avro) {
  const auto decoder = as_avro->make_decoder();
  const MemoryWatch watch;
  for (int i = 0; i < 300; ++i) {
    std::string symbols;
    for (int s = 0; s < 5'000; ++s) symbols += (s ? ",\"" : "\"") + std::to_string(i * 10'000 + s) + '"';
    const auto schema = R"({"type":"enum","name":"E","symbols":[)" + symbols + "]}";
    try {
      decode(container(schema, number(0)), *decoder);
      CAF_ERROR("an enum is no record");
    } catch (const DecodeError&) {
    }
  }
  CAF_CHECK_LESS(watch.peak(), 24u << 20);
}

CAF_TEST(records_of_protobuf) {
  const auto value = [](std::uint32_t field, const std::string& inner) {
    return tests::block(1, tests::block(1, "x") + tests::block(2, tests::block(field, inner)));
  };
  std::string maps, lists;
  for (int i = 0; i < 400; ++i) {
    maps = value(8, maps);
    lists = tests::block(1, tests::block(7, lists));
  }
  const auto any = [&](const std::string& type, const std::string& bytes) {
    auto record = encode(tests::record_of(Kind::event, "R"), *as_protobuf->make_encoder());
    record.resize(record.size() - tests::block(17, "").size());
    return record + tests::block(18, tests::block(1, "x/" + type) + tests::block(2, bytes));
  };
  // Each is two bytes, and ten members that are not set.
  const std::string file = "google.protobuf.FileDescriptorProto", types = repeat(tests::block(4, ""), 40);
  judge({record("maps in maps", as_protobuf, protobuf_with(maps)),
         record("lists in lists", as_protobuf, protobuf_with(value(7, lists))),
         record("a claimed map", as_protobuf, protobuf_with("\x0a\xff\xff\xff\xff\x0f")),
         record("a claimed size of 64 bits", as_protobuf,
                protobuf_with("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")),
         record("very many members", as_protobuf, protobuf_with(repeat(value(5, ""), 500)), few),
         record("very many elements of a message", as_protobuf, any(file, repeat(types, 25)), few)});
  // The object of a type takes 200 bytes by itself, and written down its members take as much again.
  auto held_to = caps();
  held_to.memory_per_byte = 128;
  judge({record("members of a message that are not set", as_protobuf, any(file, repeat(types, 7)),
                {.max_elements = 300})},
        held_to);
}

CAF_TEST(records_of_several_formats_in_one_topic) {
  const auto mixed = by_first_byte({as_json, as_msgpack, as_avro, as_protobuf});
  judge({record("json", mixed, json_with(repeat("[", deep))),
         record("msgpack", mixed, msgpack_with("\xdf\xff\xff\xff\xff")),
         record("avro", mixed, avro_with("\"string\"", number(std::int64_t{1} << 62))),
         record("protobuf", mixed, protobuf_with("\x0a\xff\xff\xff\xff\x0f"))});
}

CAF_TEST(states) {
  const auto state = [](std::string name, std::string bytes, const DecodeLimits& limits = {}) {
    return Bomb{"state: " + name, bytes.size(), [=] {
                  const auto decoder = msgpack::state_format()->make_decoder(limits);
                  Value value;
                  read(decoder->start(bytes), value, Absent::takes_default);
                  decoder->finish();
                }};
  };
  judge({state("lists in lists", repeat("\x91", deep) + "\xc0"),
         state("a claimed list", "\xdd\xff\xff\xff\xff"), state("a claimed map", "\xdf\xff\xff\xff\xff"),
         state("very many items", "\xdc\x03\xe8" + std::string(1'000, '\0'), few)});
}

CAF_TEST(chunks_of_records) {
  const auto chunk = [](std::string name, std::uint32_t count, std::string body) {
    char header[chunk_header_size];
    ChunkBody{body, count}.seal_header(Offset{0}, header, Checksum::verify);
    const auto bytes = std::string(header, chunk_header_size) + body;
    return Bomb{
        "chunk: " + name, bytes.size(), [=] {
          const auto stretch = select_records(bytes, Offset{0}, {SIZE_MAX, SIZE_MAX, true}, Checksum::verify);
          if (!stretch) throw Failure(stretch.error());
          Batch batch;
          index_records(*stretch, batch);
        }};
  };
  const auto most = "\xfe\xff\xff\xff"s, none = "\0\0\0\0"s;  // one more says that there is no key or value
  judge({chunk("a claimed count", 0xffffffff, none + none + none),
         chunk("claimed headers", 1, most + none + most), chunk("a claimed value", 1, most + most + none)});
}

// Seeded bugs: each cap taken away is found.

CAF_TEST(a_decoder_without_its_caps_is_found) {
  const DecodeLimits none{SIZE_MAX, SIZE_MAX, SIZE_MAX};
  const auto lists =
      complaint(record("lists", as_msgpack, msgpack_with("\x81\xa1x" + repeat("\x91", 100) + "\xc0"), none));
  CAF_CHECK(lists.ends_with("is not refused"));
  const auto many = "\x81\xa1x\xdc\x03\xe8" + std::string(1'000, '\0');
  CAF_CHECK(complaint(record("items", as_msgpack, msgpack_with(many), none)).ends_with("is not refused"));
}

CAF_TEST(a_decoder_that_believes_claimed_sizes_is_found) {
  const auto believer = std::make_shared<const Believer>(std::chrono::microseconds(0));
  CAF_CHECK_EQUAL(complaint(record("little", believer, "\xff\x0f\0\0"s), {.time = std::chrono::seconds(1)}),
                  "");
  const auto said = complaint(record("much", believer, "\xff\xff\xff\x0f"s));
  CAF_CHECK(said.find("bytes of memory, and may take") != said.npos);
}

CAF_TEST(a_decoder_that_takes_its_time_is_found) {
  const auto slow = std::make_shared<const Believer>(std::chrono::microseconds(400));
  CAF_CHECK(complaint(record("little", slow, "\xff\x0f\0\0"s)).ends_with(" ns"));
}
