#include "eventy/json/json.hpp"
#include "json_decoder.hpp"
#include "json_encoder.hpp"

namespace eventy::json {

namespace {

class JsonSerializer final : public Serializer {
 public:
  std::string_view name() const override { return "json"; }
  FirstBytes first_bytes() const override {
    FirstBytes bytes;
    for (const unsigned char c : {'{', ' ', '\t', '\n', '\r'}) bytes.set(c);
    return bytes;
  }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits) const override {
    return std::make_unique<detail::JsonDecoder>(limits);
  }
  std::unique_ptr<Encoder> make_encoder() const override { return std::make_unique<detail::JsonEncoder>(); }
};

}  // namespace

std::shared_ptr<const Serializer> serializer() { return std::make_shared<const JsonSerializer>(); }

}  // namespace eventy::json
