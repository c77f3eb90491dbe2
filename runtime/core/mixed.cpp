#include <algorithm>
#include <array>
#include <stdexcept>

#include "eventy/core/serializer.hpp"

namespace eventy {

namespace {

using Formats = std::vector<std::shared_ptr<const Serializer>>;

constexpr std::uint8_t nobody = 0xff;

std::string spelled(std::size_t byte) {
  constexpr std::string_view hex = "0123456789abcdef";
  return {'0', 'x', hex[byte >> 4 & 15], hex[byte & 15]};
}

std::string names_of(const Formats& formats) {
  std::string names;
  for (const auto& format : formats) (names += names.empty() ? "" : ", ") += format->name();
  return names;
}

class MixedDecoder final : public Decoder {
 public:
  MixedDecoder(const Formats& formats, const std::array<std::uint8_t, 256>& owners,
               const DecodeLimits& limits)
      : owners_(owners), names_(names_of(formats)) {
    for (const auto& format : formats) decoders_.push_back(format->make_decoder(limits));
  }

  const Envelope& decode(std::string_view bytes) override {
    if (bytes.empty()) throw DecodeError("the record is empty; known formats: " + names_);
    const auto first = static_cast<unsigned char>(bytes.front());
    if (owners_[first] == nobody)
      throw DecodeError("it begins with " + spelled(first) + ", which no record of " + names_ + " does" +
                        format_hint(bytes));
    chosen_ = decoders_[owners_[first]].get();
    return chosen_->decode(bytes);
  }
  bool context_is_empty() override { return chosen_->context_is_empty(); }
  void read_context(Context& out) override { chosen_->read_context(out); }
  Reader& data() override { return chosen_->data(); }

 private:
  std::array<std::uint8_t, 256> owners_;  // for each first byte the index of its decoder
  std::string names_;
  std::vector<std::unique_ptr<Decoder>> decoders_;
  Decoder* chosen_ = nullptr;
};

class MixedSerializer final : public Serializer {
 public:
  explicit MixedSerializer(Formats formats) : formats_(std::move(formats)), name_(names_of(formats_)) {
    owners_.fill(nobody);
    for (std::uint8_t i = 0; i < formats_.size(); ++i) claim(i);
  }
  std::string_view name() const override { return name_; }
  FirstBytes first_bytes() const override { return first_bytes_; }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits) const override {
    return std::make_unique<MixedDecoder>(formats_, owners_, limits);
  }
  std::unique_ptr<Encoder> make_encoder() const override { return formats_.front()->make_encoder(); }
  std::optional<std::string> cannot_write(Kind kind, std::string_view ns,
                                          std::string_view name) const override {
    return formats_.front()->cannot_write(kind, ns, name);
  }
  const Formats& formats() const { return formats_; }

 private:
  void claim(std::uint8_t format) {
    const auto wanted = formats_[format]->first_bytes();
    for (std::size_t byte = 0; byte < wanted.size(); ++byte) {
      if (!wanted[byte]) continue;
      if (owners_[byte] != nobody)
        throw std::invalid_argument("records of " + std::string(formats_[owners_[byte]]->name()) +
                                    " and of " + std::string(formats_[format]->name()) +
                                    " may both begin with " + spelled(byte) +
                                    ", so one topic cannot hold both");
      owners_[byte] = format;
    }
    first_bytes_ |= wanted;
  }

  Formats formats_;
  std::string name_;
  FirstBytes first_bytes_;
  std::array<std::uint8_t, 256> owners_;
};

}  // namespace

std::shared_ptr<const Serializer> by_first_byte(std::vector<std::shared_ptr<const Serializer>> formats) {
  Formats flat;
  const auto add = [&](const std::shared_ptr<const Serializer>& format) {
    const auto is_same = [&](const auto& known) { return known->name() == format->name(); };
    if (std::none_of(flat.begin(), flat.end(), is_same)) flat.push_back(format);
  };
  for (const auto& format : formats) {
    if (const auto* mixed = dynamic_cast<const MixedSerializer*>(format.get())) {
      for (const auto& part : mixed->formats()) add(part);
    } else {
      add(format);
    }
  }
  if (flat.empty() || flat.size() >= nobody) throw std::invalid_argument("no formats, or too many");
  return flat.size() == 1 ? flat.front() : std::make_shared<const MixedSerializer>(std::move(flat));
}

}  // namespace eventy
