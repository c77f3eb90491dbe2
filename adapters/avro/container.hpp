// Avro's object container file with one datum in it, which is what a record is on the wire.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace eventy::avro::detail {

// Views into the bytes.
struct Container {
  std::string_view schema, datum;
};
// Throws DecodeError: not such a file, compressed, not exactly one datum, bytes left over.
Container read_container(std::string_view bytes);

inline constexpr std::size_t sync_size = 16;

// What records of one schema have in common. The marker is made of the schema, not drawn as the peer does:
// the same record has the same bytes, however often it is written.
struct Frame {
  std::string header = {};  // up to the marker
  std::array<char, sync_size> sync = {};
};
Frame make_frame(std::string_view schema);
void append_container(std::string& out, const Frame& frame, std::string_view datum);

}  // namespace eventy::avro::detail
