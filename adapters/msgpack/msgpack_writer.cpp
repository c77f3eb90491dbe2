#include "msgpack_writer.hpp"

#include <bit>

#include <limits>
#include <stdexcept>

#include "eventy/core/utf8.hpp"
#include "timestamp.hpp"

namespace eventy::msgpack::detail {

namespace {

[[noreturn, gnu::cold, gnu::noinline]] void fail_size(std::size_t size) {
  throw std::invalid_argument(std::to_string(size) + " bytes or elements are more than MessagePack allows");
}

std::uint32_t size_of(std::size_t size) {
  if (size > std::numeric_limits<std::uint32_t>::max()) [[unlikely]]
    fail_size(size);
  return static_cast<std::uint32_t>(size);
}

}  // namespace

void MsgpackWriter::open_map(std::size_t members) {
  begin_value();
  packer_.pack_map(size_of(members));
  ++depth_;
}

void MsgpackWriter::open_list(std::size_t items) {
  begin_value();
  packer_.pack_array(size_of(items));
  ++depth_;
}

void MsgpackWriter::null() {
  begin_value();
  packer_.pack_nil();
  end_value();
}

void MsgpackWriter::boolean(bool value) {
  begin_value();
  if (value) {
    packer_.pack_true();
  } else {
    packer_.pack_false();
  }
  end_value();
}

void MsgpackWriter::integer(std::int64_t value) {
  begin_value();
  packer_.pack_int64(value);
  end_value();
}

void MsgpackWriter::unsigned_integer(std::uint64_t value) {
  begin_value();
  packer_.pack_uint64(value);
  end_value();
}

void MsgpackWriter::text(std::string_view utf8) {
  begin_value();
  put_text(utf8);
  end_value();
}

// Copies and checks the text at once, which the library does not do.
void MsgpackWriter::put_text(std::string_view utf8) {
  packer_.pack_str(size_of(utf8.size()));
  char* to = target_.out.room(utf8.size());
  if (!copy_utf8(to, utf8)) throw std::invalid_argument("a text is not UTF-8");
  target_.out.advance(utf8.size());
}

// Does not use the library, which writes a whole real as an integer and so loses its type and the sign of
// -0.0.
void MsgpackWriter::real(double value) {
  char bytes[9] = {static_cast<char>(0xcb)};
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < 8; ++i) bytes[i + 1] = static_cast<char>(bits >> (8 * (7 - i)));
  begin_value();
  append({bytes, sizeof bytes});
  end_value();
}

void MsgpackWriter::bytes(std::span<const std::byte> value) {
  begin_value();
  packer_.pack_bin(size_of(value.size()));
  packer_.pack_bin_body(reinterpret_cast<const char*>(value.data()), size_of(value.size()));
  end_value();
}

void MsgpackWriter::instant(Instant value) {
  auto timestamp = timestamp_of(value);
  begin_value();
  packer_.pack_ext(timestamp.size, timestamp_type);
  packer_.pack_ext_body(timestamp.bytes.data(), size_of(timestamp.size));
  end_value();
}

}  // namespace eventy::msgpack::detail
