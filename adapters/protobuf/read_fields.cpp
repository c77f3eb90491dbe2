#include <google/protobuf/descriptor.h>

#include <charconv>
#include <set>
#include <vector>

#include "message_fields.hpp"

namespace eventy::protobuf::detail {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int max_levels = 100;  // as in the library's parser

using eventy::detail::fail_out_of_range;
using eventy::detail::narrow;

int read_enum(Reader& reader, const FieldDescriptor& field) {
  if (reader.type() != ValueType::text) return narrow<int>(reader.integer());
  const auto name = reader.text();
  const auto* known = field.enum_type()->FindValueByName(std::string(name));
  if (!known) eventy::detail::fail_unknown_name(name);
  return known->number();
}

std::string read_chars(Reader& reader, const FieldDescriptor& field) {
  if (field.type() == FieldDescriptor::TYPE_STRING) return std::string(reader.text());
  std::vector<std::byte> bytes;
  reader.bytes(bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void read_nested(Reader& reader, Message& message, int level) {
  const Descriptor& type = *message.GetDescriptor();
  if (type.well_known_type() != Descriptor::WELLKNOWNTYPE_TIMESTAMP)
    return read_fields(reader, message, level + 1);
  const Reflection& r = *message.GetReflection();
  const Instant instant = reader.instant();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(instant);
  r.SetInt64(&message, type.FindFieldByNumber(1), seconds.time_since_epoch().count());
  r.SetInt32(&message, type.FindFieldByNumber(2), static_cast<int>((instant - seconds).count()) * 1'000'000);
}

// Reads one value: sets a field, or adds to a repeated one.
void read_value(Reader& reader, Message& message, const FieldDescriptor& field, int level) {
  const Reflection& r = *message.GetReflection();
  const bool one = !field.is_repeated();
  Message* m = &message;
  const auto* f = &field;
  const auto put = [&](auto set, auto add, auto value) {
    one ? (r.*set)(m, f, std::move(value)) : (r.*add)(m, f, std::move(value));
  };
  using R = Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(&R::SetInt32, &R::AddInt32, narrow<std::int32_t>(reader.integer()));
    case FieldDescriptor::CPPTYPE_INT64:
      return put(&R::SetInt64, &R::AddInt64, reader.integer());
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(&R::SetUInt32, &R::AddUInt32, narrow<std::uint32_t>(reader.unsigned_integer()));
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(&R::SetUInt64, &R::AddUInt64, reader.unsigned_integer());
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put(&R::SetDouble, &R::AddDouble, reader.real());
    case FieldDescriptor::CPPTYPE_FLOAT:
      return put(&R::SetFloat, &R::AddFloat, eventy::detail::narrow_real<float>(reader.real()));
    case FieldDescriptor::CPPTYPE_BOOL:
      return put(&R::SetBool, &R::AddBool, reader.boolean());
    case FieldDescriptor::CPPTYPE_ENUM:
      return put(&R::SetEnumValue, &R::AddEnumValue, read_enum(reader, field));
    case FieldDescriptor::CPPTYPE_STRING:
      return put(&R::SetString, &R::AddString, read_chars(reader, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return read_nested(reader, one ? *r.MutableMessage(m, f) : *r.AddMessage(m, f), level);
  }
}

template <class T>
T number_of(std::string_view name) {
  T value{};
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc() || end != name.data() + name.size())
    fail_out_of_range("\"" + std::string(name) + "\"");
  return value;
}

void set_key(Message& entry, std::string_view name) {
  const FieldDescriptor* key = entry.GetDescriptor()->map_key();
  const Reflection& r = *entry.GetReflection();
  switch (key->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r.SetInt32(&entry, key, number_of<std::int32_t>(name));
    case FieldDescriptor::CPPTYPE_INT64:
      return r.SetInt64(&entry, key, number_of<std::int64_t>(name));
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.SetUInt32(&entry, key, number_of<std::uint32_t>(name));
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.SetUInt64(&entry, key, number_of<std::uint64_t>(name));
    case FieldDescriptor::CPPTYPE_BOOL:
      if (name != "true" && name != "false") eventy::detail::fail_unknown_name(name);
      return r.SetBool(&entry, key, name == "true");
    default:
      return r.SetString(&entry, key, std::string(name));
  }
}

// Reads one value; adds its step to the path of an error.
template <class Read>
void within(std::string_view step, Read read) {
  try {
    read();
  } catch (const DecodeError& e) {
    throw e.within(step);
  }
}

void read_map(Reader& reader, Message& message, const FieldDescriptor& field, int level) {
  std::set<std::string, std::less<>> names;
  reader.open_map();
  for (std::string_view name; reader.member(name);) {
    const auto [own, fresh] = names.emplace(name);
    if (!fresh) eventy::detail::fail_member_twice(name);
    within(*own, [&] {
      Message& entry = *message.GetReflection()->AddMessage(&message, &field);
      set_key(entry, *own);
      read_value(reader, entry, *entry.GetDescriptor()->map_value(), level);
    });
  }
}

void read_field(Reader& reader, Message& message, const FieldDescriptor& field, int level) {
  if (reader.null()) return;
  if (field.is_map()) return read_map(reader, message, field, level);
  if (!field.is_repeated()) return read_value(reader, message, field, level);
  reader.open_list();
  for (std::size_t i = 0; reader.item(); ++i)
    within(eventy::detail::index_step(i), [&] { read_value(reader, message, field, level); });
}

}  // namespace

void read_fields(Reader& reader, Message& message, int level) {
  if (level > max_levels)
    throw DecodeError("messages are nested deeper than the limit of " + std::to_string(max_levels));
  message.Clear();
  std::set<std::string, std::less<>> names;
  reader.open_map();
  for (std::string_view name; reader.member(name);) {
    const auto [own, fresh] = names.emplace(name);
    if (!fresh) eventy::detail::fail_member_twice(name);
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(*own);
    if (!field) {
      reader.skip();
      continue;
    }
    within(*own, [&] { read_field(reader, message, *field, level); });
  }
  if (!message.IsInitialized())
    throw DecodeError("these fields are missing: " + message.InitializationErrorString());
}

}  // namespace eventy::protobuf::detail
