// Hostile records in a topic of several formats: each is read as the format of its first byte reads it.
#include <array>

#include "eventy/avro/avro.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/protobuf/protobuf.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const std::array<std::shared_ptr<const Serializer>, 4> formats{
      json::serializer(), msgpack::serializer(), avro::AvroSerializer::from_texts({}).value(),
      protobuf::serializer()};
  static const auto mixed = by_first_byte({formats.begin(), formats.end()});
  // The formats have targets of their own for what they allocate.
  static const DecodeLimits limits{.max_bytes = 64u << 10, .max_elements = 1u << 12};
  const auto bytes = fuzz::text_of(data, size);
  const auto together = fuzz::outcome_of(*mixed->make_decoder(limits), bytes);
  int owners = 0;
  for (const auto& format : formats) {
    if (size == 0 || !format->first_bytes()[data[0]]) continue;
    ++owners;
    fuzz::require(fuzz::outcome_of(*format->make_decoder(limits), bytes) == together,
                  "in a mixed topic a record is what it is in one of its format");
  }
  fuzz::require(owners <= 1, "a first byte belongs to one format");
  return 0;
}
