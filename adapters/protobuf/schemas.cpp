#include "schemas.hpp"

#include <google/protobuf/message.h>

#include "wire.hpp"

namespace eventy::protobuf::detail {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int max_levels = 100;  // of nested messages, as in the library's parser

// Counts, as an upper bound, the elements of repeated fields that a parser would produce from the bytes.
// Stops beyond `most`. Leaves malformed bytes to the parser.
class ElementCount {
 public:
  explicit ElementCount(std::size_t most) : most_(most) {}
  bool is_over(const Descriptor& type, std::string_view bytes) {
    try {
      walk(type, bytes, 0);
    } catch (const DecodeError&) {
    }
    return count_ > most_;
  }

 private:
  void walk(const Descriptor& type, std::string_view bytes, int level) {
    if (level == max_levels) return;
    for (WireCursor at(bytes); !at.done() && count_ <= most_;) {
      const auto tag = at.tag();
      const auto* field = type.FindFieldByNumber(static_cast<int>(tag >> 3));
      if (!field || field->is_repeated()) ++count_;  // the parser keeps each unknown field
      if (static_cast<Wire>(tag & 7) != Wire::block || !field) {
        at.skip(tag);
      } else if (const auto block = at.block(); field->message_type()) {
        walk(*field->message_type(), block, level + 1);
      } else if (field->is_packable()) {
        count_ += block.size();  // a packed field has at most this many numbers
      }
    }
  }
  std::size_t most_, count_ = 0;
};

}  // namespace

Schemas::Schemas(std::unique_ptr<google::protobuf::SimpleDescriptorDatabase> files)
    : files_(std::move(files)), pool_(files_.get()), factory_(&pool_) {}

std::unique_ptr<google::protobuf::Message> Schemas::make(std::string_view type) const {
  const std::string name(type);
  if (const auto* known = pool_.FindMessageTypeByName(name))
    return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(known)->New());
  const auto* known = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (!known) return nullptr;
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(known)->New());
}

void Schemas::parse(std::string_view type, std::string_view bytes, const DecodeLimits& limits,
                    google::protobuf::Message& out) {
  const Descriptor& wanted = *out.GetDescriptor();
  if (wanted.full_name() != type)
    throw DecodeError("a message of type " + std::string(type) + " is not a " + wanted.full_name());
  // An element takes at least one byte, so most records need no count.
  if (bytes.size() > limits.max_elements && ElementCount(limits.max_elements).is_over(wanted, bytes))
    throw DecodeError("more elements than the limit of " + std::to_string(limits.max_elements));
  if (!out.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
    throw DecodeError("the bytes are not a message of type " + wanted.full_name());
  if (!out.IsInitialized()) throw DecodeError("these fields are missing: " + out.InitializationErrorString());
}

}  // namespace eventy::protobuf::detail
