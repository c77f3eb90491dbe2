#include "eventy/core/record_serializer.hpp"

#include <stdexcept>

#include "eventy/core/decoding.hpp"
#include "eventy/core/value_codec.hpp"

namespace eventy {

namespace {

using Format = std::shared_ptr<const RecordSerializer>;

class RecordDecoder final : public Decoder {
 public:
  RecordDecoder(Format format, std::size_t max_bytes) : format_(std::move(format)), max_bytes_(max_bytes) {}

  const Envelope& decode(std::string_view bytes) override {
    detail::refuse_size(bytes, max_bytes_);
    try {
      record_.emplace(format_->decode(bytes));
    } catch (const std::logic_error& e) {
      throw DecodeError(e.what());
    }
    data_.is = std::move(record_->data);
    envelope_ = record_->envelope();
    if (const auto broken = broken_rule(envelope_)) throw DecodeError(*broken);
    return envelope_;
  }
  bool context_is_empty() override { return record_->context.empty(); }
  void read_context(Context& out) override { out = record_->context; }
  Reader& data() override {
    reader_.start(data_);
    return reader_;
  }

 private:
  Format format_;
  std::size_t max_bytes_;
  std::optional<Record> record_;
  Value data_;
  ValueReader reader_{data_};
  Envelope envelope_;
};

class RecordEncoder final : public Encoder {
 public:
  explicit RecordEncoder(Format format) : format_(std::move(format)) {}

  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override {
    record_.emplace(e);
    if (context.common) record_->context = *context.common;
    if (!context.extra_name.empty())
      record_->context[std::string(context.own_namespace)][std::string(context.extra_name)] =
          std::string(context.extra_value);
    out_ = &out;
    return writer_.emplace();
  }
  void end() override {
    record_->data = std::get<ValueMap>(writer_->take().is);
    format_->encode(*record_, *out_);
  }

 private:
  Format format_;
  std::optional<Record> record_;
  std::optional<ValueWriter> writer_;
  std::string* out_ = nullptr;
};

}  // namespace

std::unique_ptr<Decoder> RecordSerializer::make_decoder(const DecodeLimits& limits) const {
  return std::make_unique<RecordDecoder>(shared_from_this(), limits.max_bytes);
}

std::unique_ptr<Encoder> RecordSerializer::make_encoder() const {
  return std::make_unique<RecordEncoder>(shared_from_this());
}

}  // namespace eventy
