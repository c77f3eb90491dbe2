// Writes and reads a message's fields by name, through the ports. Enums are texts, or integers if a value has
// no name; google.protobuf.Timestamp is an instant; the keys of maps are texts.
#pragma once

#include <google/protobuf/message.h>

#include "eventy/core/codec.hpp"

namespace eventy::protobuf::detail {

// How to treat a Timestamp outside the years 0001 to 9999, which an instant cannot hold. As text, only a
// handler that reads this field gets an error.
enum class Beyond : std::uint8_t { fails, is_text };

// Throws EncodeError with the path of the field.
void write_fields(Writer& w, const google::protobuf::Message& message, Beyond beyond = Beyond::fails);
void read_fields(Reader& r, google::protobuf::Message& message, int level);  // level: the message's depth

}  // namespace eventy::protobuf::detail
