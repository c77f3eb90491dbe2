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

void ContextCache::append(const OutgoingContext& context, MsgpackWriter& writer) {
  bool extra = !context.extra_name.empty();
  if (!extra && (!context.common || context.common->empty())) {
    writer.open_map(0);
    return;
  }
  refresh(context);
  bool own = has_own_ || extra;
  writer.open_map(other_entries_ + own);
  writer.append(others_);
  if (!own) return;
  writer.member(own_namespace_);
  writer.open_map(own_members_ + extra);
  writer.append(own_);
  if (extra) put(writer, context.extra_name, context.extra_value);
}

void ContextCache::refresh(const OutgoingContext& context) {
  if (is_valid_ && common_ == context.common && version_ == context.version &&
      own_namespace_ == context.own_namespace) {
    return;
  }
  is_valid_ = has_own_ = false;
  common_ = context.common;
  version_ = context.version;
  own_namespace_ = context.own_namespace;
  others_.clear(), own_.clear();
  other_entries_ = own_members_ = 0;
  if (common_) {
    MsgpackWriter others, own;
    others.start_parts(others_), own.start_parts(own_);
    for (const auto& [service, entry] : *common_) {
      if (service != own_namespace_) {
        ++other_entries_;
        put(others, service, entry);
        continue;
      }
      has_own_ = true;
      own_members_ = entry.size();
      for (const auto& [name, value] : entry) put(own, name, value);
    }
    others.finish(), own.finish();
  }
  is_valid_ = true;
}

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
  context_.append(context, writer_);
  writer_.member("data");
  return writer_;
}

void MsgpackEncoder::write_answer(const Envelope& e) {
  put(writer_, "destination", e.destination);
  put(writer_, "request_uuid", e.request_uuid);
  put(writer_, "ok", e.ok);
  put(writer_, "error_code", e.error_code);
  put(writer_, "error_message", e.error_message);
}

}  // namespace eventy::msgpack::detail
