#include "protobuf_encoder.hpp"

#include "record_fields.hpp"

namespace eventy::protobuf::detail {

namespace {

void put(WireWriter& w, std::uint32_t field, std::string_view text) { w.field_text(field, text); }
void put(WireWriter& w, std::uint32_t field, bool yes) { w.field_number(field, yes); }
void put(WireWriter& w, std::uint32_t field, std::int64_t integer) {
  w.field_number(field, static_cast<std::uint64_t>(integer));
}
void put(WireWriter& w, std::uint32_t field, Kind kind) {
  w.field_number(field, static_cast<std::uint64_t>(kind) + 1);
}
void put(WireWriter& w, std::uint32_t field, Instant date) {
  put(w, field, std::int64_t{date.time_since_epoch().count()});
}
template <class T>
void put(WireWriter& w, std::uint32_t field, const std::optional<T>& value) {
  if (value) put(w, field, *value);
}

// Appends the content of a Map.
void append_members(std::string& out, const ContextEntry& entry) {
  WireWriter writer;
  writer.start(out, WireWriter::Root::bare_map);
  write(writer, entry);
  writer.finish();
}

// Appends an entry of a map of messages: the key is field 1, the value field 2.
void append_service(std::string& out, std::string_view service, std::string_view map) {
  std::string entry;
  WireWriter writer;
  writer.start(entry, WireWriter::Root::bare_map);
  writer.field_text(1, service);
  writer.field_block(2, map);
  writer.finish();
  writer.start(out, WireWriter::Root::bare_map);
  writer.field_block(1, entry);
  writer.finish();
}

void append_entry(std::string& out, std::string_view service, const ContextEntry& entry) {
  std::string map;
  append_members(map, entry);
  append_service(out, service, map);
}

}  // namespace

Writer& ProtobufEncoder::begin(const Envelope& e, const OutgoingContext& context, std::string& out) {
  writer_.start(out, WireWriter::Root::data);
  write_members(e, [&](auto member, const auto& value) {
    constexpr auto field = field_numbers[member];
    if constexpr (field != 0) put(writer_, field, value);
  });
  write_context(context);
  return writer_;
}

void ProtobufEncoder::write_context(const OutgoingContext& context) {
  const bool extra = !context.extra_name.empty();
  if (!extra && (!context.common || context.common->empty())) return;
  context_.refresh(context, append_entry, append_members);
  if (!context_.has_own() && !extra)
    return writer_.field_block(field_numbers[Member::context], context_.others());
  own_ = context_.own();
  if (extra) append_members(own_, {{std::string(context.extra_name), std::string(context.extra_value)}});
  whole_ = context_.others();
  append_service(whole_, context_.own_namespace(), own_);
  writer_.field_block(field_numbers[Member::context], whole_);
}

}  // namespace eventy::protobuf::detail
