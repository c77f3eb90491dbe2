#include "protobuf_encoder.hpp"

namespace eventy::protobuf::detail {

namespace {

// The content of a Map.
std::string encoded_entry(const ContextEntry& entry) {
  std::string out;
  WireWriter writer;
  writer.start(out, WireWriter::Root::bare_map);
  write(writer, entry);
  writer.finish();
  return out;
}

// An entry of a map of messages: its key is field 1, its value field 2.
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

}  // namespace

std::string_view ContextCache::encoded(const OutgoingContext& context) {
  const bool extra = !context.extra_name.empty();
  if (!extra && (!context.common || context.common->empty())) return {};
  refresh(context);
  whole_ = others_;
  if (!has_own_ && !extra) return whole_;
  std::string own = own_;
  if (extra) own += encoded_entry({{std::string(context.extra_name), std::string(context.extra_value)}});
  append_service(whole_, own_namespace_, own);
  return whole_;
}

void ContextCache::refresh(const OutgoingContext& context) {
  if (is_valid_ && common_ == context.common && version_ == context.version &&
      own_namespace_ == context.own_namespace)
    return;
  is_valid_ = has_own_ = false;
  common_ = context.common;
  version_ = context.version;
  own_namespace_ = context.own_namespace;
  others_.clear(), own_.clear();
  if (common_) {
    for (const auto& [service, entry] : *common_) {
      if (service == own_namespace_) {
        own_ = encoded_entry(entry);
        has_own_ = true;
      } else {
        append_service(others_, service, encoded_entry(entry));
      }
    }
  }
  is_valid_ = true;
}

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
  if (const auto encoded = context_.encoded(context); !encoded.empty()) writer_.field_block(16, encoded);
  return writer_;
}

void ProtobufEncoder::write_answer(const Envelope& e) {
  writer_.field_text(11, e.destination);
  writer_.field_text(12, e.request_uuid);
  writer_.field_number(13, e.ok);
  if (e.error_code) writer_.field_number(14, static_cast<std::uint64_t>(*e.error_code));
  if (e.error_message) writer_.field_text(15, *e.error_message);
}

}  // namespace eventy::protobuf::detail
