// Avro's object container file with one datum, the wire form of a record.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace eventy::avro::detail {

// Views into the container's bytes.
struct Container {
  std::string_view schema, datum;
};
// Throws DecodeError if the bytes are not such a file, compressed, without exactly one datum, or too many.
Container read_container(std::string_view bytes);

inline constexpr std::size_t sync_size = 16;

// The bytes that all records of one schema share. The sync marker is derived from the schema, not random as
// in the peer, so that the same record always has the same bytes.
struct Frame {
  std::string header = {};  // up to the sync marker
  std::array<char, sync_size> sync = {};
};
Frame make_frame(std::string_view schema);
void append_container(std::string& out, const Frame& frame, std::string_view datum);

}  // namespace eventy::avro::detail
