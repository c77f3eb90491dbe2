#include "eventy/core/serializer.hpp"

#include <atomic>

#include "eventy/core/encode_step.hpp"

namespace eventy {

namespace {

// Encoders cache a context by its version. Turns count theirs from 1; these numbers never collide with them.
std::uint64_t next_context_version() {
  static std::atomic<std::uint64_t> last{first_version_of_encode};
  return last.fetch_add(1, std::memory_order_relaxed);
}

void write_with_path(Writer& w, const ValueMap& map);

void write_with_path(Writer& w, const Value& value) {
  if (const auto* map = std::get_if<ValueMap>(&value.is)) return write_with_path(w, *map);
  const auto* list = std::get_if<ValueList>(&value.is);
  if (!list) return write(w, value);
  w.open_list(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    w.item();
    detail::encode_step(detail::index_step(i), [&] { write_with_path(w, (*list)[i]); });
  }
  w.close_list();
}

void write_with_path(Writer& w, const ValueMap& map) {
  w.open_map(map.size());
  for (const auto& [name, value] : map) {
    detail::encode_step(name, [&] {
      w.member(name);
      write_with_path(w, value);
    });
  }
  w.close_map();
}

}  // namespace

std::string format_hint(std::string_view bytes) {
  constexpr std::size_t frame = 5;
  if (bytes.size() < frame || bytes[0] != '\0') return "";
  std::uint32_t id = 0;
  for (const char c : bytes.substr(1, frame - 1)) id = id << 8 | static_cast<unsigned char>(c);
  return ", but framed for a schema registry, with schema id " + std::to_string(id) +
         "; such records are not supported, write them without the frame";
}

std::string encode(const Record& record, Encoder& encoder) {
  auto envelope = record.envelope();
  // A new response has no destination and request_uuid, and the encoder does not check them.
  if (auto rule = broken_rule(envelope)) throw std::invalid_argument(*rule);
  OutgoingContext context;
  if (!record.context.empty()) context.common = &record.context;
  context.version = next_context_version();
  std::string out;
  Writer& data = encoder.begin(envelope, context, out);
  detail::encode_step("data", [&] {
    write_with_path(data, record.data);
    encoder.end();
  });
  return out;
}

Record decode(std::string_view bytes, Decoder& decoder) {
  std::string padded;
  padded.reserve(bytes.size() + value_padding);
  padded.append(bytes).append(value_padding, '\0');
  Record record(decoder.decode(std::string_view(padded).substr(0, bytes.size())));
  if (!decoder.context_is_empty()) decoder.read_context(record.context);
  try {
    read(decoder.data(), record.data, Absent::is_error);
  } catch (const DecodeError& e) {
    throw e.within("data");
  }
  return record;
}

}  // namespace eventy
