#include "msgpack_encoder.hpp"

namespace eventy::msgpack::detail {

namespace {

constexpr std::size_t members_of_any = 12, members_of_response = 5;

template <class T>
void put(Writer& w, std::string_view name, const T& value) {
  w.member(name);
  write(w, value);
}

}  // namespace

Writer& MsgpackEncoder::begin(const Envelope& e, const OutgoingContext& context, std::string& out) {
  bool response = e.kind == Kind::response;
  writer_.start_parts(out);
  writer_.open_map(members_of_any + (response ? members_of_response : 0));
  put(writer_, "type", to_string(e.kind));
  put(writer_, "namespace", e.ns);
  put(writer_, "name", e.name);
  put(writer_, "protocol_version", e.protocol_version);
  put(writer_, "version", e.version);
  put(writer_, "source", e.source);
  put(writer_, "uuid", e.uuid);
  put(writer_, "correlation_id", e.correlation_id);
  put(writer_, "partition_key", e.partition_key);
  put(writer_, "date_timestamp", std::int64_t{e.date.time_since_epoch().count()});
  if (response) write_answer(e);
  writer_.member("context");
  write_context(context);
  writer_.member("data");
  return writer_;
}

void MsgpackEncoder::write_context(const OutgoingContext& context) {
  const bool extra = !context.extra_name.empty();
  if (!extra && (!context.common || context.common->empty())) {
    writer_.open_map(0);
    writer_.close_map();
    return;
  }
  const auto put_parts = [this](std::string& out, auto put_all) {
    part_writer_.start_parts(out);
    put_all(part_writer_);
    part_writer_.finish();
  };
  context_.refresh(
      context,
      [&](std::string& out, std::string_view service, const ContextEntry& entry) {
        put_parts(out, [&](Writer& w) { put(w, service, entry); });
      },
      [&](std::string& out, const ContextEntry& entry) {
        put_parts(out, [&](Writer& w) {
          for (const auto& [name, value] : entry) put(w, name, value);
        });
      });
  const bool own = context_.has_own() || extra;
  writer_.open_map(context_.other_entries() + own);
  writer_.append(context_.others());
  if (own) {
    writer_.member(context_.own_namespace());
    writer_.open_map(context_.own_members() + extra);
    writer_.append(context_.own());
    if (extra) put(writer_, context.extra_name, context.extra_value);
    writer_.close_map();
  }
  writer_.close_map();
}

void MsgpackEncoder::write_answer(const Envelope& e) {
  put(writer_, "destination", e.destination);
  put(writer_, "request_uuid", e.request_uuid);
  put(writer_, "ok", e.ok);
  put(writer_, "error_code", e.error_code);
  put(writer_, "error_message", e.error_message);
}

}  // namespace eventy::msgpack::detail
