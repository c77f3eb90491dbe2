// Every format carries every member of a record. A member that is new in the table fails here until all
// formats read and write it.
#define CAF_SUITE record_members

#include <caf/test/unit_test.hpp>

#include "../avro/support.hpp"
#include "eventy/core/members.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/protobuf/protobuf.hpp"

using namespace eventy;

namespace {

using Format = std::shared_ptr<const Serializer>;

std::vector<Format> all_formats() {
  return {json::serializer(), msgpack::serializer(), protobuf::serializer(),
          tests::serializer({tests::evsc("response", "Placed", "[]")})};
}

// No field has its default value.
Envelope full_response() {
  return {.kind = Kind::response,
          .ns = "urn:my-shop:orders",
          .name = "Placed",
          .protocol_version = "3.1.0",
          .version = "1.2.0",
          .source = "urn:my-shop",
          .uuid = "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09",
          .correlation_id = "c",
          .partition_key = "k",
          .date = Instant(Duration(1767315845678)),
          .destination = "urn:shop:web",
          .request_uuid = "11111111-2222-4333-8444-555555555555",
          .ok = false,
          .error_code = 409,
          .error_message = "full"};
}

std::string encoded(const Format& format, const Envelope& e, const Context& context) {
  std::string out;
  const auto encoder = format->make_encoder();
  auto& data = encoder->begin(e, {.common = &context, .version = 1}, out);
  data.open_map(0);
  data.close_map();
  encoder->end();
  return out;
}

}  // namespace

CAF_TEST(every_format_carries_every_member) {
  const auto written = full_response();
  const Context context{{"urn:web", {{"a", std::int64_t{1}}}}};
  for (const auto& format : all_formats()) {
    CAF_MESSAGE(format->name());
    const auto bytes = encoded(format, written, context);
    const std::string padded = bytes + std::string(value_padding, '\0');
    const auto decoder = format->make_decoder();
    const auto& read = decoder->decode(std::string_view(padded).substr(0, bytes.size()));
    for_members<Member::type, Member::context>([&](auto member) {
      constexpr auto field = std::get<member>(envelope_members).field;
      CAF_MESSAGE(member_names[member]);
      CAF_CHECK(written.*field != Envelope{}.*field);
      CAF_CHECK(read.*field == written.*field);
    });
    Context carried;
    decoder->read_context(carried);
    CAF_CHECK(carried == context);
  }
}
