// Records of every format and protocol version that was ever written read as they did then.
#define CAF_SUITE golden_records

#include <caf/test/unit_test.hpp>

#include "eventy/core/base64.hpp"
#include "eventy/core/value_codec.hpp"
#include "eventy/run.hpp"
#include "golden.hpp"
#include "vocabulary.hpp"

namespace {

using namespace eventy;

// The folders of records. One more version of a format is a line here.
const std::vector<std::pair<std::string, std::string>> folders{
    // and the serializer that reads them
    {"json/3/", "json"}, {"avro/1/", "avro"},       {"avro/2/", "avro"},
    {"avro/3/", "avro"}, {"msgpack/3/", "msgpack"}, {"protobuf/3/", "protobuf"}};

std::unique_ptr<Decoder> decoder_of(const std::string& name) {
  const auto formats = builtin_adapters().serializers;
  const FormatOptions options{.schemas = name == "protobuf" ? golden::folder + "schemas" : ""};
  return formats.at(name)(options).value()->make_decoder();
}

// JSON has no bytes.
Value as_json(Value value) {
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value.is)) {
    std::string text(base64_size(bytes->size()), '\0');
    encode_base64(*bytes, text.data());
    return {std::move(text)};
  }
  if (auto* list = std::get_if<ValueList>(&value.is))
    for (auto& item : *list) item = as_json(std::move(item));
  if (auto* map = std::get_if<ValueMap>(&value.is))
    for (auto& member : *map) member.second = as_json(std::move(member.second));
  return value;
}

// The protocol's members, without a format of ours in between.
ValueMap members_of(const Record& r) {
  ValueMap all{{"type", to_value(to_string(r.kind()))},
               {"namespace", to_value(r.ns())},
               {"name", to_value(r.name())},
               {"protocol_version", to_value(r.protocol_version())},
               {"version", to_value(r.version())},
               {"source", to_value(r.source())},
               {"uuid", to_value(r.uuid())},
               {"correlation_id", to_value(r.correlation_id())},
               {"partition_key", to_value(r.partition_key())},
               {"date_timestamp", {std::int64_t{r.date().time_since_epoch().count()}}},
               {"context", to_value(r.context)},
               {"data", as_json({r.data})}};
  if (r.kind() != Kind::response) return all;
  all.emplace_back("destination", to_value(r.destination()));
  all.emplace_back("request_uuid", to_value(r.request_uuid()));
  all.emplace_back("ok", to_value(r.ok()));
  all.emplace_back("error_code", to_value(r.error_code()));
  all.emplace_back("error_message", to_value(r.error_message()));
  return all;
}

// The same instant is there as a text, for people.
ValueMap wanted_members(const std::string& name) {
  auto all = std::get<ValueMap>(golden::wanted(name).is);
  std::erase_if(all, [](const auto& member) { return member.first == "date_iso8601"; });
  return all;
}

Value typed(Decoder& decoder, const std::string& bytes, golden::Crate& crate) {
  std::string padded = bytes + std::string(value_padding, '\0');
  decoder.decode(std::string_view(padded).substr(0, bytes.size()));
  read(decoder.data(), crate, Absent::is_error);
  return {};
}

}  // namespace

CAF_TEST(each_record_reads_field_by_field_as_its_file_says) {
  for (const auto& [folder, format] : folders) {
    const auto decoder = decoder_of(format);
    for (const auto& name : golden::listed(folder)) {
      CAF_MESSAGE(name);
      CAF_CHECK_EQUAL(golden::differences(members_of(decode(golden::read_file(name + ".bin"), *decoder)),
                                          wanted_members(name)),
                      "");
    }
  }
}

CAF_TEST(no_folder_of_records_is_passed_over) {
  std::set<std::string> known;
  for (const auto& [folder, format] : folders) known.insert(folder);
  for (const auto& [format, make] : builtin_adapters().serializers) {
    for (const auto& name : golden::listed(format + "/"))
      CAF_CHECK_EQUAL(known.contains(name.substr(0, name.rfind('/') + 1)) ? "" : name, "");
  }
}

CAF_TEST(a_struct_reads_values_of_every_kind_in_each_format) {
  for (const auto* format : {"json", "msgpack", "protobuf", "avro"}) {
    CAF_MESSAGE(format);
    const auto most = std::string_view(format) == "avro" ? INT64_MAX : UINT64_MAX;
    golden::Crate crate;
    typed(*decoder_of(format), golden::read_file(std::string(format) + "/3/packed.bin"), crate);
    CAF_CHECK_EQUAL(golden::differences(crate, golden::crate(most)), "");
  }
}

CAF_TEST(a_field_that_is_read_wrongly_is_found) {
  const auto right = wanted_members("json/3/packed");
  CAF_CHECK_EQUAL(golden::differences(right, right), "");
  for (std::size_t at = 0; at < right.size(); ++at) {
    auto wrong = right;
    wrong[at].second = {"another"};
    CAF_CHECK(!golden::differences(wrong, right).empty());
  }
  auto as_real = right;
  for (auto& [name, value] : as_real)
    if (name == "date_timestamp") value = {static_cast<double>(std::get<std::int64_t>(value.is))};
  CAF_CHECK(!golden::differences(as_real, right).empty());
}
