// Generated messages as data of records: handlers take them, turns write them, in any format. In a record of
// format protobuf they are the message's own bytes; other formats have its fields by their names.
//
// A generated message cannot say itself which record it is; say it once, at namespace scope:
//
//   template <>
//   struct eventy::RecordOf<shop::Placed> {
//     using type = eventy::Event<"urn:shop", "Placed", "1.0.0">;
//   };
//
// This header needs that of the library; programs link eventy::protobuf, which brings it.
#pragma once

#include <google/protobuf/message.h>

#include <concepts>

#include "eventy/core/codec.hpp"

namespace eventy {

namespace protobuf {

// Every field without presence is written, those with presence that are not set are null. Enums are texts,
// google.protobuf.Timestamp is an instant, keys of maps are texts.
void write_message(Writer& w, const google::protobuf::Message& message);
// `message` is replaced. Fields that are absent or null take their defaults, as everywhere in Protocol
// Buffers; members that it has no field for are passed over. Throws DecodeError.
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
