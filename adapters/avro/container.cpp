#include "container.hpp"

#include <cstring>
#include <optional>

#include "cursor.hpp"
#include "eventy/core/ids.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::string_view magic("Obj\x01", 4);
constexpr std::string_view schema_key = "avro.schema", codec_key = "avro.codec", no_codec = "null";

struct Meta {
  std::optional<std::string_view> schema = {}, codec = {};
};

void keep(std::optional<std::string_view>& slot, std::string_view key, std::string_view value) {
  if (slot) eventy::detail::fail_member_twice(key);
  slot = value;
}

Meta read_meta(ByteCursor& cursor) {
  Meta meta;
  for (std::int64_t count = cursor.integer(); count != 0; count = cursor.integer()) {
    const bool with_size = count < 0;
    if (with_size) cursor.integer();
    // Each entry takes at least two bytes, so the bytes bound a false count.
    for (auto left = with_size ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
         left > 0; --left) {
      const auto key = cursor.sized();
      const auto value = cursor.sized();
      if (key == schema_key) keep(meta.schema, key, value);
      if (key == codec_key) keep(meta.codec, key, value);
    }
  }
  return meta;
}

std::string_view read_block(ByteCursor& cursor) {
  const auto count = cursor.integer();
  if (count != 1) throw DecodeError("must hold one datum, not " + std::to_string(count));
  return cursor.sized();
}

}  // namespace

Container read_container(std::string_view bytes) {
  if (bytes.empty()) throw DecodeError("not an Avro container file: there are no bytes");
  if (!bytes.starts_with(magic))
    throw DecodeError("not an Avro container file, which begins with Obj and 1" + format_hint(bytes));
  ByteCursor cursor(bytes.substr(magic.size()));
  const auto meta = read_meta(cursor);
  if (!meta.schema) eventy::detail::fail_member_missing(schema_key);
  if (meta.codec && *meta.codec != no_codec)
    throw DecodeError("this compression is not supported").within(*meta.codec).within(codec_key);
  const auto sync = cursor.take(sync_size);
  if (cursor.left() == 0) throw DecodeError("must hold one datum, not 0");
  const auto datum = read_block(cursor);
  if (cursor.take(sync_size) != sync)
    throw DecodeError("the sync marker after the datum differs from that of the file");
  if (cursor.left() > 0) throw DecodeError(std::to_string(cursor.left()) + " bytes are left over");
  return {*meta.schema, datum};
}

Frame make_frame(std::string_view schema) {
  Frame frame{.header = std::string(magic)};
  append_integer(frame.header, 2);
  append_sized(frame.header, codec_key), append_sized(frame.header, no_codec);
  append_sized(frame.header, schema_key), append_sized(frame.header, schema);
  append_integer(frame.header, 0);
  for (std::size_t half = 0; half < 2; ++half) {
    const auto hash = hash64(schema, half);
    std::memcpy(frame.sync.data() + 8 * half, &hash, sizeof hash);
  }
  return frame;
}

void append_container(std::string& out, const Frame& frame, std::string_view datum) {
  const std::string_view sync(frame.sync.data(), frame.sync.size());
  out.reserve(out.size() + frame.header.size() + datum.size() + 2 * sync.size() + 11);
  out.append(frame.header).append(sync);
  append_integer(out, 1);
  append_sized(out, datum);
  out.append(sync);
}

}  // namespace eventy::avro::detail
