#include "wire.hpp"

namespace eventy::protobuf::detail {

void fail_truncated() { throw DecodeError("not Protocol Buffers: the bytes end too early"); }
void fail_varint() { throw DecodeError("not Protocol Buffers: a number or a tag is malformed"); }
void fail_wire(std::uint32_t tag) {
  throw DecodeError("not Protocol Buffers: field " + std::to_string(tag >> 3) + " is of wire type " +
                    std::to_string(tag & 7));
}

std::uint64_t WireCursor::long_varint() {
  std::uint64_t v = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at_ == end_) fail_truncated();
    const auto byte = static_cast<unsigned char>(*at_++);
    if (shift == 63 && byte > 1) fail_varint();
    v |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return v;
  }
  fail_varint();
}

void WireCursor::skip(std::uint32_t tag) {
  switch (static_cast<Wire>(tag & 7)) {
    case Wire::varint:
      varint();
      return;
    case Wire::fixed64:
      fixed64();
      return;
    case Wire::block:
      block();
      return;
    case Wire::fixed32:
      if (end_ - at_ < 4) fail_truncated();
      at_ += 4;
      return;
  }
  fail_wire(tag);
}

}  // namespace eventy::protobuf::detail
