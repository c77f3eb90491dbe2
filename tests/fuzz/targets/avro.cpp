// Hostile records of the format avro: the schemas inside them too. One of the names is known here, so that
// resolution is reached.
#include "eventy/avro/avro.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "tests/fuzz/judge.hpp"

namespace {

constexpr const char* known =
    "protocol_version: 3.0.0\n"
    "namespace: urn:shop\n"
    "name: Placed\n"
    "type: event\n"
    "data_fields:\n"
    "- {name: n, type: double, aliases: [m]}\n"
    "- {name: word, type: bytes, default: \"\\xff\"}\n"
    "- {name: size, type: {type: enum, name: Size, symbols: [SMALL, LARGE], default: SMALL}, default: "
    "LARGE}\n"
    "- {name: more, type: [\"null\", {type: array, items: [long, string]}], default: null}\n"
    "- {name: inner, type: {type: record, name: Inner, fields: [{name: a, type: long, default: 1}]}, "
    "default: {}}\n"
    "- {name: list, type: {type: array, items: Inner}, default: [{}, {a: 2}]}\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto format = eventy::avro::AvroSerializer::from_texts({known}).value();
  static const auto again = eventy::msgpack::serializer();
  // Names and symbols are written once and may be meant often: what that comes to is capped by max_bytes.
  static const eventy::DecodeLimits limits{.max_bytes = 256u << 10};
  eventy::fuzz::judge_records(*format, eventy::fuzz::text_of(data, size),
                              {.again = again.get(), .limits = limits, .extra_memory = 4 * limits.max_bytes});
  return 0;
}
