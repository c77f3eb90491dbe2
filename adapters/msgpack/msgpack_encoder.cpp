#include "msgpack_encoder.hpp"

#include "eventy/core/members.hpp"

namespace eventy::msgpack::detail {

namespace {

// Of the two dates, only the timestamp is written. The context and the data are members, too.
constexpr std::size_t members_of_any = Member::destination - 1 + 2;
constexpr std::size_t members_of_response = Member::context - Member::destination;

template <class T>
void put(Writer& w, std::string_view name, const T& value) {
  w.member(name);
  write(w, value);
}

void put(Writer& w, std::string_view name, Kind kind) { put(w, name, to_string(kind)); }
void put(Writer& w, std::string_view name, Instant date) {
  put(w, name, std::int64_t{date.time_since_epoch().count()});
}

}  // namespace

Writer& MsgpackEncoder::begin(const Envelope& e, const OutgoingContext& context, std::string& out) {
  writer_.start_parts(out);
  writer_.open_map(members_of_any + (e.kind == Kind::response ? members_of_response : 0));
  write_members(e, [&](auto member, const auto& value) {
    if constexpr (member != Member::date_iso8601) put(writer_, member_names[member], value);
  });
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

}  // namespace eventy::msgpack::detail
