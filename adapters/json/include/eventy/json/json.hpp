// JSON: the protocol's records (runtime/core/protocol.md, "JSON"), and any value by itself.
// The serializer is immutable and any thread may share it; what it makes, and a writer, belong to one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::json {

// Records as compact UTF-8, one object each, byte for byte in the protocol's order of members. Its decoders
// read any JSON of the protocol and keep memory in proportion to the largest record of late, about 15 bytes a
// byte.
std::shared_ptr<const Serializer> serializer();

// Appends compact JSON to `out`, which must outlive the writer, one value after the other. `out` is complete
// whenever a whole value has been written; in between its end is undefined. Bytes are written as base64,
// instants as milliseconds since 1970, and a real always with a point or exponent, so that it is read back as
// one. Throws std::invalid_argument for a real that is not finite and for text that is not UTF-8; `out` is
// undefined behind its former end then.
std::unique_ptr<Writer> make_writer(std::string& out);

// One JSON text, of any type, with nothing but blanks around it. Throws DecodeError.
Value parse(std::string_view text, const DecodeLimits& limits = {});

// Any type that a Writer carries.
template <class T>
std::string to_text(const T& value) {
  std::string out;
  write(*make_writer(out), value);
  return out;
}

}  // namespace eventy::json
