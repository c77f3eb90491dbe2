#include "protobuf_encoder.hpp"

namespace eventy::protobuf::detail {

namespace {

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
  writer_.field_number(1, static_cast<std::uint64_t>(e.kind) + 1);
  writer_.field_text(2, e.ns);
  writer_.field_text(3, e.name);
  writer_.field_text(4, e.protocol_version);
  writer_.field_text(5, e.version);
  writer_.field_text(6, e.source);
  writer_.field_text(7, e.uuid);
  writer_.field_text(8, e.correlation_id);
  if (e.partition_key) writer_.field_text(9, *e.partition_key);
  writer_.field_number(10, static_cast<std::uint64_t>(std::int64_t{e.date.time_since_epoch().count()}));
  if (e.kind == Kind::response) write_answer(e);
  write_context(context);
  return writer_;
}

void ProtobufEncoder::write_context(const OutgoingContext& context) {
  const bool extra = !context.extra_name.empty();
  if (!extra && (!context.common || context.common->empty())) return;
  context_.refresh(context, append_entry, append_members);
  if (!context_.has_own() && !extra) return writer_.field_block(16, context_.others());
  own_ = context_.own();
  if (extra) append_members(own_, {{std::string(context.extra_name), std::string(context.extra_value)}});
  whole_ = context_.others();
  append_service(whole_, context_.own_namespace(), own_);
  writer_.field_block(16, whole_);
}

void ProtobufEncoder::write_answer(const Envelope& e) {
  writer_.field_text(11, e.destination);
  writer_.field_text(12, e.request_uuid);
  writer_.field_number(13, e.ok);
  if (e.error_code) writer_.field_number(14, static_cast<std::uint64_t>(*e.error_code));
  if (e.error_message) writer_.field_text(15, *e.error_message);
}

}  // namespace eventy::protobuf::detail
