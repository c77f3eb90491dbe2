#include "cursor.hpp"

namespace eventy::avro::detail {

void fail_end() { throw DecodeError("the bytes end too early"); }
void fail_varint() { throw DecodeError("a number has more than 64 bits"); }

void ByteCursor::fail_size(std::int64_t size) const {
  if (size < 0) throw DecodeError("a size is negative: " + std::to_string(size));
  throw DecodeError("the bytes end too early: " + std::to_string(size) + " are announced");
}

std::int64_t ByteCursor::long_integer() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t group = byte();
    if (shift == 63 && group > 1) fail_varint();
    value |= (group & 0x7f) << shift;
    if (group < 0x80) return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  fail_varint();
}

void append_integer(std::string& out, std::int64_t value) {
  char bytes[10];
  std::size_t size = 0;
  auto rest = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (; rest >= 0x80; rest >>= 7) bytes[size++] = static_cast<char>(rest | 0x80);
  bytes[size++] = static_cast<char>(rest);
  out.append(bytes, size);
}

void append_sized(std::string& out, std::string_view bytes) {
  append_integer(out, static_cast<std::int64_t>(bytes.size()));
  out.append(bytes);
}

}  // namespace eventy::avro::detail
