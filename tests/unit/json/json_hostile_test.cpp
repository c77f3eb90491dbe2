// Bytes that were made to harm, or by chance.
#define CAF_SUITE json_hostile

#include <caf/test/unit_test.hpp>

#include <random>
#include <string>

#include "eventy/json/json.hpp"
#include "support/throws.hpp"

using namespace eventy;
using eventy::tests::throws;

namespace {

const std::string response =
    R"({"type":"RESPONSE","namespace":"urn:orders","name":"Placed","protocol_version":"3.0.0","version":"1.2.0",)"
    R"("source":"urn:shop","uuid":"0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09","correlation_id":"c",)"
    R"("partition_key":"\u00e9","date_timestamp":1767315845678,"date_iso8601":"2026-01-02T01:04:05.678000+00:00",)"
    R"("destination":"urn:shop:web","request_uuid":"11111111-2222-4333-8444-555555555555","ok":false,)"
    R"("error_code":409,"error_message":"full","context":{"urn:a":{"b":1,"c":null,"d":"e"}},)"
    R"("data":{"n":7,"list":[1.5,"x",{"y":true}],"big":18446744073709551615}})";

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string error_of(std::string_view text, const DecodeLimits& limits = {}) {
  try {
    json::parse(text, limits);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

std::string mutated(std::mt19937_64& random, std::string text) {
  constexpr std::string_view likely = "{}[]\":,\\0179-+.eEnulltruefas\x80\xff\x00 u";
  auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (auto times = 1 + below(4); times > 0; --times) {
    auto at = below(text.size());
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ 1 << below(8));
        break;
      case 1:
        text[at] = likely[below(likely.size())];
        break;
      case 2:
        text.insert(at, 1, likely[below(likely.size())]);
        break;
      case 3:
        text.erase(at, 1 + below(20));
        break;
      case 4:
        text.insert(at, text.substr(below(text.size()), below(60)));
        break;
      default:
        text.resize(at + 1);
    }
    if (text.empty()) text = "{";
  }
  return text;
}

}  // namespace

CAF_TEST(nesting_ends_at_the_limit) {
  CAF_CHECK_EQUAL(error_of(repeat("[", 32) + "1" + repeat("]", 32)), "");
  CAF_CHECK_EQUAL(error_of(repeat("[", 33) + "1" + repeat("]", 33)),
                  "maps and lists are nested deeper than the limit of 32");
  CAF_CHECK_EQUAL(error_of(repeat("{\"a\":", 32) + "1" + repeat("}", 32)), "");
  CAF_CHECK_NOT_EQUAL(error_of(repeat("{\"a\":", 33) + "1" + repeat("}", 33)), "");
  CAF_CHECK_NOT_EQUAL(error_of(repeat("[", 1'000'000)), "");
  CAF_CHECK_NOT_EQUAL(error_of(repeat("{\"a\":", 1'000'000)), "");
  CAF_CHECK_EQUAL(error_of("[[1]]", {.max_depth = 2}), "");
  CAF_CHECK_NOT_EQUAL(error_of("[[[1]]]", {.max_depth = 2}), "");
}

CAF_TEST(members_and_items_end_at_the_limit) {
  DecodeLimits five{.max_elements = 5};
  CAF_CHECK_EQUAL(error_of("[1,2,3,4,5]", five), "");
  CAF_CHECK_EQUAL(error_of("[1,2,3,4,5,6]", five), "more members and items than the limit of 5");
  CAF_CHECK_EQUAL(error_of(R"({"a":1.5,"b":[{"c":"d"},2]})", five), "");
  CAF_CHECK_NOT_EQUAL(error_of(R"({"a":1.5,"b":[{"c":"d"},2,[]]})", five), "");
  CAF_CHECK_NOT_EQUAL(error_of("[" + repeat("1,", 1u << 20) + "1]"), "");
}

CAF_TEST(bytes_end_at_the_limit) {
  CAF_CHECK_EQUAL(error_of("[1,2]", {.max_bytes = 5}), "");
  CAF_CHECK_EQUAL(error_of("[1,22]", {.max_bytes = 5}), "6 bytes are more than the limit of 5");
}

CAF_TEST(a_decoder_goes_on_after_large_and_bad_records) {
  auto decoder = json::serializer()->make_decoder();
  for (std::size_t size : {0u, 10u, 5'000'000u, 3u, 100'000u, 0u}) {
    auto record =
        decode(response.substr(0, response.size() - 2) + ",\"s\":\"" + repeat("x", size) + "\"}}", *decoder);
    CAF_CHECK_EQUAL(std::get<std::string>(record.data.back().second.is).size(), size);
    CAF_CHECK(throws<DecodeError>([&] { decode("{\"type\":", *decoder); }));
    CAF_CHECK(throws<DecodeError>([&] { decode("", *decoder); }));
  }
}

CAF_TEST(many_unknown_members_take_no_quadratic_time) {
  std::string many = response.substr(0, response.size() - 1), inner = "{";
  for (int i = 0; i < 200'000; ++i) many += ",\"u" + std::to_string(i) + "\":1";
  for (int i = 0; i < 200'000; ++i) inner += "\"u" + std::to_string(i) + "\":1,";
  auto decoder = json::serializer()->make_decoder();
  auto outside = decode(many + "}", *decoder);
  CAF_CHECK_EQUAL(outside.name(), "Placed");
  auto within = decode(response.substr(0, response.size() - 1) + ",\"x\":" + inner + "\"y\":[]}}", *decoder);
  CAF_CHECK_EQUAL(within.name(), "Placed");
}

CAF_TEST(every_truncation_is_refused) {
  auto decoder = json::serializer()->make_decoder();
  for (std::size_t size = 0; size < response.size(); ++size) {
    CAF_CHECK(throws<DecodeError>([&] { decode(std::string_view(response).substr(0, size), *decoder); }));
  }
}

CAF_TEST(random_mutations_never_decode_into_a_record_that_breaks_a_rule) {
  std::uint64_t seed = std::random_device()();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  auto serializer = json::serializer();
  auto decoder = serializer->make_decoder();
  auto encoder = serializer->make_encoder();
  int decoded = 0, wrong = 0;
  for (int i = 0; i < 20'000; ++i) {
    try {
      auto record = decode(mutated(random, response), *decoder);
      ++decoded;
      auto again = decode(encode(record, *encoder), *decoder);
      wrong += broken_rule(record.envelope()).has_value() || again.data != record.data ||
               again.context != record.context || again.date() != record.date();
    } catch (const DecodeError&) {
    }
  }
  CAF_CHECK_EQUAL(wrong, 0);
  CAF_CHECK(decoded > 100);
  CAF_CHECK(decoded < 19'000);
}
