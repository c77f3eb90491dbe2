// JSON: the protocol's records (runtime/core/protocol.md, "JSON"), and single values.
// The serializer is immutable and threads may share it. An encoder, decoder or writer belongs to one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::json {

// Encodes a record as one compact UTF-8 object, with the members in the protocol's order. Its decoders read
// any JSON of the protocol. They keep memory in proportion to the largest recent record, about 15 bytes per
// byte.
std::shared_ptr<const Serializer> serializer();

// Appends compact JSON to `out`, one value after the other. `out` must outlive the writer. It is complete
// after each whole value; during a value, its end is undefined. Writes bytes as base64, instants as
// milliseconds since 1970, and a real with a point or exponent, so that it is read back as a real. Throws
// std::invalid_argument for a real that is not finite and for text that is not UTF-8; `out` is then undefined
// after its former end.
std::unique_ptr<Writer> make_writer(std::string& out);

// Parses one JSON text of any type; only whitespace may surround it. Throws DecodeError.
Value parse(std::string_view text, const DecodeLimits& limits = {});

// For any type that a Writer can write.
template <class T>
std::string to_text(const T& value) {
  std::string out;
  write(*make_writer(out), value);
  return out;
}

}  // namespace eventy::json
