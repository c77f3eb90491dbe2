#include "eventy/msgpack/msgpack.hpp"
#include "msgpack_decoder.hpp"
#include "msgpack_encoder.hpp"

namespace eventy::msgpack {

namespace {

class MsgpackSerializer final : public Serializer {
 public:
  std::string_view name() const override { return "msgpack"; }
  FirstBytes first_bytes() const override {  // fixmap, map 16, map 32
    FirstBytes bytes;
    for (std::size_t byte = 0x80; byte <= 0x8f; ++byte) bytes.set(byte);
    return bytes.set(0xde).set(0xdf);
  }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits) const override {
    return std::make_unique<detail::MsgpackDecoder>(limits);
  }
  std::unique_ptr<Encoder> make_encoder() const override {
    return std::make_unique<detail::MsgpackEncoder>();
  }
};

class StateDecoder final : public ValueDecoder {
 public:
  explicit StateDecoder(const DecodeLimits& limits) : document_(limits) {}
  Reader& start(std::string_view bytes) override {
    reader_.start(document_.parse(bytes));
    return reader_;
  }
  // start() has already refused bytes after the value.
  void finish() override {
    if (!reader_.at_end()) throw DecodeError("the value has not been read to its end");
  }

 private:
  detail::Document document_;
  detail::TapeReader reader_;
};

class StateEncoder final : public ValueEncoder {
 public:
  Writer& start(std::string& out) override {
    writer_.start(out);
    return writer_;
  }

 private:
  detail::MsgpackWriter writer_;
};

class MsgpackStateFormat final : public StateFormat {
 public:
  std::string_view name() const override { return "msgpack"; }
  std::unique_ptr<ValueDecoder> make_decoder(const DecodeLimits& limits) const override {
    return std::make_unique<StateDecoder>(limits);
  }
  std::unique_ptr<ValueEncoder> make_encoder() const override { return std::make_unique<StateEncoder>(); }
};

}  // namespace

std::shared_ptr<const Serializer> serializer() { return std::make_shared<const MsgpackSerializer>(); }

std::shared_ptr<const StateFormat> state_format() { return std::make_shared<const MsgpackStateFormat>(); }

}  // namespace eventy::msgpack
