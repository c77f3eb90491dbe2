#include <google/protobuf/descriptor.h>

#include "eventy/core/encode_step.hpp"
#include "message_fields.hpp"

namespace eventy::protobuf::detail {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void write_enum(Writer& w, const FieldDescriptor& field, int number) {
  if (const EnumValueDescriptor* known = field.enum_type()->FindValueByNumber(number)) {
    w.text(known->name());
  } else {
    w.integer(number);
  }
}

void write_chars(Writer& w, const FieldDescriptor& field, const std::string& chars) {
  if (field.type() == FieldDescriptor::TYPE_STRING) return w.text(chars);
  w.bytes({reinterpret_cast<const std::byte*>(chars.data()), chars.size()});
}

void write_nested(Writer& w, const Message& message, Beyond beyond) {
  const Descriptor& type = *message.GetDescriptor();
  if (type.well_known_type() != Descriptor::WELLKNOWNTYPE_TIMESTAMP) return write_fields(w, message, beyond);
  const Reflection& at = *message.GetReflection();
  const std::int64_t seconds = at.GetInt64(message, type.FindFieldByNumber(1));
  const std::int64_t nanoseconds = at.GetInt32(message, type.FindFieldByNumber(2));
  // The range in the type's documentation. Beyond it, milliseconds would overflow.
  if (seconds < -62'135'596'800 || seconds > 253'402'300'799 || nanoseconds < 0 ||
      nanoseconds > 999'999'999) {
    const auto told = std::to_string(seconds) + " s and " + std::to_string(nanoseconds) + " ns since 1970";
    if (beyond == Beyond::is_text) return w.text(told);
    throw EncodeError("a timestamp must lie in the years 0001 to 9999, unlike " + told);
  }
  w.instant(Instant(Duration(seconds * 1000 + nanoseconds / 1'000'000)));
}

// Writes one value: that of a field, or the item at `index` of a repeated field.
void write_value(Writer& w, const Message& message, const FieldDescriptor& field, int index, Beyond beyond) {
  const Reflection& r = *message.GetReflection();
  const bool one = !field.is_repeated();
  const auto* f = &field;
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return w.integer(one ? r.GetInt32(message, f) : r.GetRepeatedInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return w.integer(one ? r.GetInt64(message, f) : r.GetRepeatedInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return w.unsigned_integer(one ? r.GetUInt32(message, f) : r.GetRepeatedUInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return w.unsigned_integer(one ? r.GetUInt64(message, f) : r.GetRepeatedUInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return w.real(one ? r.GetDouble(message, f) : r.GetRepeatedDouble(message, f, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return w.real(double{one ? r.GetFloat(message, f) : r.GetRepeatedFloat(message, f, index)});
    case FieldDescriptor::CPPTYPE_BOOL:
      return w.boolean(one ? r.GetBool(message, f) : r.GetRepeatedBool(message, f, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return write_enum(w, field,
                        one ? r.GetEnumValue(message, f) : r.GetRepeatedEnumValue(message, f, index));
    case FieldDescriptor::CPPTYPE_STRING:
      return write_chars(w, field,
                         one ? r.GetStringReference(message, f, &scratch)
                             : r.GetRepeatedStringReference(message, f, index, &scratch));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return write_nested(w, one ? r.GetMessage(message, f) : r.GetRepeatedMessage(message, f, index),
                          beyond);
  }
}

std::string key_of(const Message& entry) {
  const FieldDescriptor& key = *entry.GetDescriptor()->map_key();
  const Reflection& r = *entry.GetReflection();
  switch (key.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(r.GetInt32(entry, &key));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(r.GetInt64(entry, &key));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(r.GetUInt32(entry, &key));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(r.GetUInt64(entry, &key));
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.GetBool(entry, &key) ? "true" : "false";
    default:
      return r.GetString(entry, &key);
  }
}

void write_map(Writer& w, const Message& message, const FieldDescriptor& field, int size, Beyond beyond) {
  w.open_map(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
    const auto key = key_of(entry);
    eventy::detail::encode_step(key, [&] {
      w.member(key);
      write_value(w, entry, *entry.GetDescriptor()->map_value(), 0, beyond);
    });
  }
  w.close_map();
}

void write_repeated(Writer& w, const Message& message, const FieldDescriptor& field, Beyond beyond) {
  const int size = message.GetReflection()->FieldSize(message, &field);
  if (field.is_map()) return write_map(w, message, field, size, beyond);
  w.open_list(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    eventy::detail::encode_step(eventy::detail::index_step(static_cast<std::size_t>(i)), [&] {
      w.item();
      write_value(w, message, field, i, beyond);
    });
  }
  w.close_list();
}

void write_field(Writer& w, const Message& message, const FieldDescriptor& field, Beyond beyond) {
  w.member(field.name());
  if (field.is_repeated()) {
    write_repeated(w, message, field, beyond);
  } else if (field.has_presence() && !message.GetReflection()->HasField(message, &field)) {
    w.null();
  } else {
    write_value(w, message, field, 0, beyond);
  }
}

}  // namespace

void write_fields(Writer& w, const Message& message, Beyond beyond) {
  const Descriptor& type = *message.GetDescriptor();
  w.open_map(static_cast<std::size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    eventy::detail::encode_step(field.name(), [&] { write_field(w, message, field, beyond); });
  }
  w.close_map();
}

}  // namespace eventy::protobuf::detail
