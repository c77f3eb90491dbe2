// The records of the protocol in MessagePack.
#define CAF_SUITE msgpack_records

#include <caf/test/unit_test.hpp>

#include <random>
#include <string>

#include "eventy/msgpack/msgpack.hpp"

using namespace eventy;
using namespace std::string_literals;

namespace {

Record example(Kind kind) {
  Record record(kind, "urn:orders", "Placed", "urn:shop");
  record.set_uuid("0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09").set_correlation_id("c").set_partition_key("k");
  record.set_date(Instant(Duration(1767315845678)));
  if (kind == Kind::response) {
    record.set_destination("urn:shop:web").set_request_uuid("11111111-2222-4333-8444-555555555555");
    record.set_refusal(409, "full");
  }
  record.context["urn:a"] = {{"null", nullptr}, {"yes", true}, {"int", std::int64_t{-3}}, {"real", 1.5}};
  record.data = {{"n", {std::int64_t{7}}}, {"list", {ValueList{{1.5}, {"x"s}, {ValueMap{}}}}}};
  return record;
}

std::string encoded(const Record& record) { return encode(record, *msgpack::serializer()->make_encoder()); }

Record decoded(std::string_view bytes) { return decode(bytes, *msgpack::serializer()->make_decoder()); }

std::string error_of(std::string_view bytes) {
  try {
    decoded(bytes);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  auto at = text.find(from);
  CAF_REQUIRE_NOT_EQUAL(at, text.npos);
  return text.replace(at, from.size(), to);
}

Context context_of(const OutgoingContext& outgoing) {
  auto record = example(Kind::request);
  std::string bytes;
  auto encoder = msgpack::serializer()->make_encoder();
  write(encoder->begin(record.envelope(), outgoing, bytes), record.data);
  encoder->end();
  return decoded(bytes).context;
}

}  // namespace

CAF_TEST(writes_an_event_to_the_byte) {
  auto record = example(Kind::event);
  record.context.clear();
  record.data.resize(1);
  const std::string uuid = "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09";
  CAF_CHECK(encoded(record) == "\x8c\xa4type\xa5"s +
                                   "EVENT\xa9namespace\xaaurn:orders\xa4name\xa6Placed"
                                   "\xb0protocol_version\xa5"s +
                                   "3.0.0\xa7version\xa5"s +
                                   "1.0.0\xa6source\xa8urn:shop"
                                   "\xa4uuid\xd9\x24"s +
                                   uuid + "\xae"s + "correlation_id\xa1"s + "c\xadpartition_key\xa1k\xae"s +
                                   "date_timestamp\xcf\0\0\x01\x9b\x7c\x3b\xb2\x2e\xa7"s +
                                   "context\x80\xa4"s + "data\x81\xa1n\x07"s);
}

CAF_TEST(reads_what_it_writes) {
  for (auto kind : {Kind::event, Kind::request, Kind::response}) {
    auto record = example(kind);
    auto again = decoded(encoded(record));
    CAF_CHECK(again.kind() == kind);
    CAF_CHECK(again.context == record.context);
    CAF_CHECK(again.data == record.data);
    CAF_CHECK(again.date() == record.date());
    CAF_CHECK(again.error_code() == record.error_code());
    CAF_CHECK(encoded(again) == encoded(record));
  }
}

CAF_TEST(one_more_member_is_spliced_into_the_own_entry_of_the_context) {
  Context common{{"urn:a", {{"k", std::int64_t{1}}}}, {"urn:me", {{"x", "y"}}}, {"urn:z", {}}};
  OutgoingContext out{.common = &common, .version = 1, .own_namespace = "urn:me"};
  CAF_CHECK(context_of(out) == common);
  out.extra_name = "u", out.extra_value = "key";
  auto expected = common;
  expected["urn:me"]["u"] = "key";
  CAF_CHECK(context_of(out) == expected);
  out.common = nullptr;
  CAF_CHECK(context_of(out) == Context({{"urn:me", {{"u", "key"}}}}));
  out.extra_name = {};
  CAF_CHECK(context_of(out).empty());
}

CAF_TEST(a_context_is_encoded_again_when_its_version_changes) {
  auto record = example(Kind::event);
  auto encoder = msgpack::serializer()->make_encoder();
  Context common{{"urn:a", {{"k", std::int64_t{1}}}}};
  OutgoingContext out{.common = &common, .version = 1, .own_namespace = "urn:me"};
  for (int round = 0; round < 4; ++round) {
    std::string bytes;
    write(encoder->begin(record.envelope(), out, bytes), record.data);
    encoder->end();
    CAF_CHECK(decoded(bytes).context == common);
    if (round % 2 == 1) common["urn:me"]["r" + std::to_string(round)] = true, ++out.version;
  }
}

CAF_TEST(a_bad_record_says_what_is_wrong) {
  auto bytes = encoded(example(Kind::response));
  CAF_CHECK_EQUAL(error_of(with(bytes, "\xa6source", "\xa6saurce")), "source: this member is missing");
  CAF_CHECK_EQUAL(error_of(with(bytes,
                                "\xae"
                                "date_timestamp",
                                "\xae"
                                "date_timestemp")),
                  "date_timestamp: this member is missing");
  CAF_CHECK_EQUAL(error_of(with(bytes,
                                "\xab"
                                "destination",
                                "\xab"
                                "destinatoin")),
                  "destination: this member is missing");
  CAF_CHECK_EQUAL(error_of(with(bytes, "\xa7version", "\xa6source")), "source: this member occurs twice");
  CAF_CHECK_EQUAL(error_of(with(bytes, "\xa4name\xa6Placed", "\xa4type\xa6Placed")),
                  "type: this member occurs twice");
  CAF_CHECK_EQUAL(error_of(with(bytes, "\xa8urn:shop", "\xa8nru:shop")).substr(0, 8), "source: ");
  CAF_CHECK_EQUAL(error_of(with(bytes, "\xa4name\xa6Placed", "\xa4name\xc0")),
                  "name: must be text, not null");
  CAF_CHECK_EQUAL(error_of(bytes + "\x01"), "1 bytes are left over");
  CAF_CHECK_EQUAL(error_of("\x90"), "must be a map, not a list");
}

CAF_TEST(unknown_members_are_passed_over_and_those_of_responses_elsewhere) {
  auto bytes = encoded(example(Kind::event));
  bytes[0] = static_cast<char>(0x8e);
  bytes += "\xa5later\x81\xa1x\x90\xab"s + "destination\xa1x"s;
  auto record = decoded(bytes);
  CAF_CHECK_EQUAL(record.name(), "Placed");
  CAF_CHECK_EQUAL(record.destination(), "");
  bytes[0] = static_cast<char>(0x8f);
  CAF_CHECK_EQUAL(error_of(bytes + "\xa5later\x01"s), "later: this member occurs twice");
}

CAF_TEST(a_date_as_text_is_one_of_the_unknown_members) {
  for (auto kind : {Kind::event, Kind::response}) {
    const auto record = example(kind);
    const auto bytes = encoded(record);
    const auto behind_date = bytes.find(kind == Kind::response ? "\xab"
                                                                 "destination"
                                                               : "\xa7"
                                                                 "context");
    const auto with_text = [&](std::string_view value) {
      auto out = bytes;
      out.insert(behind_date,
                 "\xac"
                 "date_iso8601" +
                     std::string(value));
      kind == Kind::response ? ++out[2] : ++out[0];
      return out;
    };
    CAF_CHECK_EQUAL(decoded(with_text("\x90")).date(), record.date());
    CAF_CHECK_EQUAL(error_of(with_text("\x82\xa1x\x01\xa1x\x01")), "x: this member occurs twice");
  }
}

CAF_TEST(random_mutations_never_decode_into_a_record_that_breaks_a_rule) {
  std::uint64_t seed = std::random_device()();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  auto decoder = msgpack::serializer()->make_decoder();
  auto encoder = msgpack::serializer()->make_encoder();
  const auto valid = encoded(example(Kind::response));
  int read = 0, wrong = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = valid;
    for (auto times = 1 + random() % 4; times > 0; --times) {
      auto at = random() % bytes.size();
      if (random() % 4 == 0) {
        bytes.erase(at, 1 + random() % 4);
      } else {
        bytes[at] = static_cast<char>(random() % 2 ? random() : static_cast<unsigned char>(bytes[at]) + 1u);
      }
    }
    try {
      auto record = decode(bytes, *decoder);
      ++read;
      auto once = encode(record, *encoder);
      wrong += broken_rule(record.envelope()).has_value() || encode(decode(once, *decoder), *encoder) != once;
    } catch (const DecodeError&) {
    }
  }
  CAF_CHECK_EQUAL(wrong, 0);
  CAF_CHECK(read > 100);
  CAF_CHECK(read < 19'000);
}
