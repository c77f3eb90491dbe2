// A message's fields by their names, through the ports. Enums are texts, or integers where they have no name
// for a value; google.protobuf.Timestamp is an instant; the keys of maps are texts.
#pragma once

#include <google/protobuf/message.h>

#include "eventy/core/codec.hpp"

namespace eventy::protobuf::detail {

void write_fields(Writer& w, const google::protobuf::Message& message);
void read_fields(Reader& r, google::protobuf::Message& message, int level);  // level: how deep it lies

}  // namespace eventy::protobuf::detail
