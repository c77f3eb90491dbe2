#include "eventy/protobuf/protobuf.hpp"
#include "protobuf_decoder.hpp"
#include "protobuf_encoder.hpp"

namespace eventy::protobuf {

namespace {

class ProtobufSerializer final : public Serializer {
 public:
  explicit ProtobufSerializer(std::shared_ptr<const detail::Schemas> schemas)
      : schemas_(std::move(schemas)) {}
  std::string_view name() const override { return "protobuf"; }
  FirstBytes first_bytes() const override { return FirstBytes().set(detail::tag(1, detail::Wire::varint)); }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits) const override {
    return std::make_unique<detail::ProtobufDecoder>(limits, schemas_);
  }
  std::unique_ptr<Encoder> make_encoder() const override {
    return std::make_unique<detail::ProtobufEncoder>();
  }

 private:
  std::shared_ptr<const detail::Schemas> schemas_;
};

}  // namespace

std::shared_ptr<const Serializer> serializer() {
  return std::make_shared<const ProtobufSerializer>(std::make_shared<const detail::Schemas>());
}

Result<std::shared_ptr<const Serializer>> serializer(const std::string& schemas) {
  auto read = detail::read_schemas(schemas);
  if (!read) return read.error();
  return std::shared_ptr<const Serializer>(std::make_shared<const ProtobufSerializer>(*std::move(read)));
}

}  // namespace eventy::protobuf
