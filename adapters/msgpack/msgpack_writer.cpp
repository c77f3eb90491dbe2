#include "msgpack_writer.hpp"

#include <bit>

#include <limits>
#include <stdexcept>

#include "eventy/core/utf8.hpp"
#include "timestamp.hpp"

namespace eventy::msgpack::detail {

namespace {

std::uint32_t size_of(std::size_t size) {
  if (size > std::numeric_limits<std::uint32_t>::max()) {
    throw std::invalid_argument(std::to_string(size) +
                                " bytes or elements are more than MessagePack can say");
  }
  return static_cast<std::uint32_t>(size);
}

}  // namespace

void MsgpackWriter::open_map(std::size_t members) { packer_.pack_map(size_of(members)); }

void MsgpackWriter::open_list(std::size_t items) { packer_.pack_array(size_of(items)); }

void MsgpackWriter::boolean(bool value) {
  if (value) {
    packer_.pack_true();
  } else {
    packer_.pack_false();
  }
}

void MsgpackWriter::text(std::string_view utf8) {
  if (!is_utf8(utf8)) throw std::invalid_argument("a text is not UTF-8");
  packer_.pack_str(size_of(utf8.size()));
  packer_.pack_str_body(utf8.data(), size_of(utf8.size()));
}

// By hand: the library writes a whole real as an integer, which loses its type and the sign of -0.0.
void MsgpackWriter::real(double value) {
  char bytes[9] = {static_cast<char>(0xcb)};
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < 8; ++i) bytes[i + 1] = static_cast<char>(bits >> (8 * (7 - i)));
  append({bytes, sizeof bytes});
}

void MsgpackWriter::bytes(std::span<const std::byte> value) {
  packer_.pack_bin(size_of(value.size()));
  packer_.pack_bin_body(reinterpret_cast<const char*>(value.data()), size_of(value.size()));
}

void MsgpackWriter::instant(Instant value) {
  auto timestamp = timestamp_of(value);
  packer_.pack_ext(timestamp.size, timestamp_type);
  packer_.pack_ext_body(timestamp.bytes.data(), size_of(timestamp.size));
}

}  // namespace eventy::msgpack::detail
