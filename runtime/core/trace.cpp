#include "eventy/trace.hpp"

#include <algorithm>

namespace eventy {

namespace {

constexpr std::string_view version = "00-";
constexpr std::size_t trace_id_at = version.size(), trace_id_size = 32;
constexpr std::size_t parent_id_at = trace_id_at + trace_id_size + 1, parent_id_size = 16;
constexpr std::size_t flags_at = parent_id_at + parent_id_size + 1, flags_size = 2;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) { return is_hex(text) && text.find_first_not_of('0') != text.npos; }

std::string_view text_in(const ContextEntry& entry, std::string_view name) {
  const auto found = entry.find(name);
  if (found == entry.end()) return {};
  const auto* text = std::get_if<std::string>(&found->second);
  return text ? std::string_view(*text) : std::string_view();
}

TraceIds completed(const TraceIds& ids, const TraceIds& around) {
  const auto or_else = [](std::string_view id, std::string_view other) { return id.empty() ? other : id; };
  return {or_else(ids.correlation_id, around.correlation_id), or_else(ids.request_id, around.request_id),
          or_else(ids.user_id, around.user_id),
          is_traceparent(ids.traceparent) ? ids.traceparent : around.traceparent};
}

}  // namespace

namespace detail {
constinit thread_local TraceSource* current_trace = nullptr;
}

bool TraceIds::empty() const { return *this == TraceIds{}; }

OwnedTraceIds::OwnedTraceIds(const TraceIds& ids)
    : correlation_id(ids.correlation_id),
      request_id(ids.request_id),
      user_id(ids.user_id),
      traceparent(ids.traceparent) {}

bool is_traceparent(std::string_view text) {
  return text.size() == flags_at + flags_size && text.starts_with(version) &&
         is_id(text.substr(trace_id_at, trace_id_size)) && text[parent_id_at - 1] == '-' &&
         is_id(text.substr(parent_id_at, parent_id_size)) && text[flags_at - 1] == '-' &&
         is_hex(text.substr(flags_at));
}

std::string_view trace_id_of(std::string_view traceparent) {
  return is_traceparent(traceparent) ? traceparent.substr(trace_id_at, trace_id_size) : std::string_view();
}

TraceIds trace_ids_in(const Context& context) {
  const auto found = context.find(trace_context::entry);
  if (found == context.end()) return {};
  TraceIds ids{.user_id = text_in(found->second, trace_context::user_id),
               .traceparent = text_in(found->second, trace_context::traceparent)};
  if (!is_traceparent(ids.traceparent)) ids.traceparent = {};
  return ids;
}

void put_trace_ids(Context& context, const TraceIds& ids) {
  const auto put = [&](std::string_view name, std::string_view id) {
    context[std::string(trace_context::entry)][std::string(name)] = std::string(id);
  };
  if (!ids.user_id.empty()) put(trace_context::user_id, ids.user_id);
  if (is_traceparent(ids.traceparent)) put(trace_context::traceparent, ids.traceparent);
}

Trace::Trace(const TraceIds& ids) : ids_(completed(ids, current())) {}

TraceIds Trace::current() noexcept {
  return detail::current_trace ? detail::current_trace->ids() : TraceIds();
}

}  // namespace eventy
