// Users' messages through the ports: as a whole if the format is protobuf, else field by field.
#include "eventy/protobuf/message.hpp"

#include <typeinfo>

#include "message_fields.hpp"
#include "wire_reader.hpp"
#include "wire_writer.hpp"

namespace eventy::protobuf {

void write_message(Writer& w, const google::protobuf::Message& message) {
  if (typeid(w) == typeid(detail::WireWriter) && static_cast<detail::WireWriter&>(w).put_message(message))
    return;
  detail::write_fields(w, message);
}

void read_message(Reader& r, google::protobuf::Message& message) {
  if (typeid(r) == typeid(detail::WireReader) && static_cast<detail::WireReader&>(r).take_message(message))
    return;
  detail::read_fields(r, message, 0);
}

}  // namespace eventy::protobuf
