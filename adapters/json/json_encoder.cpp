#include "json_encoder.hpp"

#include <bit>
#include <charconv>

#include "eventy/core/date.hpp"
#include "eventy/core/members.hpp"

namespace eventy::json::detail {

namespace {

template <class T>
void put(JsonWriter& writer, std::string_view name, const T& value) {
  writer.member(name);
  write(writer, value);
}
void put(JsonWriter& writer, std::string_view name, Kind kind) { put(writer, name, to_string(kind)); }

}  // namespace

void ContextCache::append(const OutgoingContext& context, JsonWriter& writer) {
  StringAppender& out = writer.output();
  bool extra = !context.extra_name.empty();
  if (!extra && (!context.common || context.common->empty())) {
    out.append_literal("{}");
    return;
  }
  refresh(context);
  if (!extra) {
    if (whole_.empty()) {
      std::string text;
      JsonWriter whole(text);
      write(whole, *context.common);
      whole_ = std::move(text);
    }
    out.append(whole_);
    return;
  }
  if (open_.empty()) encode_open(context);
  out.append(open_);
  writer.quoted(context.extra_name, ':');
  writer.quoted(context.extra_value, '}');
  out.put('}');
}

void ContextCache::refresh(const OutgoingContext& context) {
  bool same =
      common_ == context.common && version_ == context.version && own_namespace_ == context.own_namespace;
  if (same) [[likely]]
    return;
  common_ = context.common;
  version_ = context.version;
  own_namespace_ = context.own_namespace;
  whole_.clear();
  open_.clear();
}

void ContextCache::encode_open(const OutgoingContext& context) {
  static const Context none;
  std::string text;
  JsonWriter writer(text);
  writer.open_map(0);
  const ContextEntry* own = nullptr;
  for (const auto& [service, entry] : context.common ? *context.common : none) {
    if (service == context.own_namespace) {
      own = &entry;
    } else {
      writer.member(service), write(writer, entry);
    }
  }
  writer.member(context.own_namespace);
  writer.open_map(0);
  if (own) {
    for (const auto& [name, value] : *own) writer.member(name), write(writer, value);
  }
  writer.leave_open();
  open_ = std::move(text);
}

bool JsonEncoder::Head::is_of(const Envelope& e) const {
  return kind == e.kind && name == e.name && ns == e.ns && source == e.source && version == e.version &&
         protocol_version == e.protocol_version;
}

std::string_view JsonEncoder::head_of(const Envelope& e) {
  // Names are mostly literals or long-lived, so their address selects the slot. is_of() then compares.
  auto hash = (reinterpret_cast<std::uintptr_t>(e.name.data()) >> 2) + static_cast<std::size_t>(e.kind);
  Head& head = heads_[(hash ^ hash >> 8) % heads_.size()];
  if (head.is_of(e)) [[likely]]
    return head.text;
  Head fresh{.kind = e.kind,
             .ns = std::string(e.ns),
             .name = std::string(e.name),
             .protocol_version = std::string(e.protocol_version),
             .version = std::string(e.version),
             .source = std::string(e.source)};
  JsonWriter writer(fresh.text);
  writer.open_map(0);
  write_members<Member::type, Member::uuid>(
      e, [&](auto member, const auto& value) { put(writer, member_names[member], value); });
  writer.member("uuid");
  writer.leave_open();
  head = std::move(fresh);
  return head.text;
}

std::string_view JsonEncoder::date_of(Instant date) {
  if (date == date_ && !date_text_.empty()) [[likely]]
    return date_text_;
  date_iso8601_.clear();
  append_iso8601(date_iso8601_, date);
  date_text_ = "\"date_timestamp\":";
  char digits[20];
  date_text_.append(digits, std::to_chars(digits, digits + 20, date.time_since_epoch().count()).ptr);
  date_text_ += ",\"date_iso8601\":\"";
  date_text_ += date_iso8601_;
  date_text_ += "\",";
  date_ = date;
  return date_text_;
}

Writer& JsonEncoder::begin(const Envelope& e, const OutgoingContext& context, std::string& out) {
  auto head = head_of(e);
  auto date = date_of(e.date);
  StringAppender& to = writer_.start_object(out);
  to.append(head);
  writer_.quoted(e.uuid, ',');
  to.append_literal("\"correlation_id\":");
  writer_.quoted(e.correlation_id, ',');
  to.append_literal("\"partition_key\":");
  if (e.partition_key) {
    writer_.quoted(*e.partition_key, ',');
  } else {
    to.append_literal("null,");
  }
  to.append(date);
  if (e.kind == Kind::response) append_response(e);
  to.append_literal("\"context\":");
  context_.append(context, writer_);
  to.append_literal(",\"data\":");
  return writer_;
}

void JsonEncoder::append_response(const Envelope& e) {
  write_members<Member::destination, Member::context>(
      e, [&](auto member, const auto& value) { put(writer_, member_names[member], value); });
}

}  // namespace eventy::json::detail
