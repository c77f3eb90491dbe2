// Generated messages as the data of records: handlers take them and turns write them, in any format. In a
// protobuf record the data is the message's own bytes; in other formats, the message's fields by name.
//
// A generated message does not name its record; specialize RecordOf once, at namespace scope:
//
//   template <>
//   struct eventy::RecordOf<shop::Placed> {
//     using type = eventy::Event<"urn:shop", "Placed", "1.0.0">;
//   };
//
// This header includes libprotobuf's; programs that link eventy::protobuf get it.
#pragma once

#include <google/protobuf/message.h>

#include <concepts>

#include "eventy/core/codec.hpp"

namespace eventy {

namespace protobuf {

// Writes every field without presence; a field with presence that is not set becomes null. Enums are texts,
// google.protobuf.Timestamp is an instant, keys of maps are texts.
void write_message(Writer& w, const google::protobuf::Message& message);
// Replaces `message`. Fields that are absent or null get their defaults, as always in Protocol Buffers. Skips
// members for which the message has no field. Throws DecodeError.
void read_message(Reader& r, google::protobuf::Message& message);

}  // namespace protobuf

template <std::derived_from<google::protobuf::Message> M>
void write(Writer& w, const M& message) {
  protobuf::write_message(w, message);
}
template <std::derived_from<google::protobuf::Message> M>
void read(Reader& r, M& message, Absent) {
  protobuf::read_message(r, message);
}

}  // namespace eventy
