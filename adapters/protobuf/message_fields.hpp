// A message's fields by their names, through the ports. Enums are texts, or integers where they have no name
// for a value; google.protobuf.Timestamp is an instant; the keys of maps are texts.
#pragma once

#include <google/protobuf/message.h>

#include "eventy/core/codec.hpp"

namespace eventy::protobuf::detail {

// What becomes of a Timestamp outside the years 0001 to 9999, which no instant holds. As text it concerns
// only who reads it.
enum class Beyond : std::uint8_t { fails, is_text };

// Throws EncodeError with the path of the field.
void write_fields(Writer& w, const google::protobuf::Message& message, Beyond beyond = Beyond::fails);
void read_fields(Reader& r, google::protobuf::Message& message, int level);  // level: how deep it lies

}  // namespace eventy::protobuf::detail
