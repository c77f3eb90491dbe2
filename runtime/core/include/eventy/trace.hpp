// The trace ids of the current thread: what every log line carries, and what records begin with that a thread
// makes outside a turn. The engine sets them around every turn, poll and query. A program sets them around
// work that something else asked for:
//
//   eventy::Trace trace({.correlation_id = header, .user_id = user});   // until the end of the scope
//
// Scopes nest, and end in the order in which they were made, on the thread that made them.
#pragma once

#include <string>
#include <string_view>

#include "eventy/core/context.hpp"

namespace eventy {

// An empty member is absent. Views: who makes them says how long they are valid.
struct TraceIds {
  std::string_view correlation_id = {};  // the whole chain
  std::string_view request_id = {};      // what is being answered: a request of the protocol, or one by HTTP
  std::string_view user_id = {};
  std::string_view traceparent = {};  // https://www.w3.org/TR/trace-context/, version 00
  bool empty() const;
  friend bool operator==(const TraceIds&, const TraceIds&) = default;
};

// The same with texts of their own, to keep them or to take them to another thread.
struct OwnedTraceIds {
  std::string correlation_id = {}, request_id = {}, user_id = {}, traceparent = {};
  OwnedTraceIds() = default;
  OwnedTraceIds(const TraceIds& ids);
  operator TraceIds() const { return {correlation_id, request_id, user_id, traceparent}; }
};

// Version 00: `00-`, 32 hexadecimal digits, `-`, 16, `-`, 2, in lower case, and neither of the first two is
// all zeros.
bool is_traceparent(std::string_view text);
std::string_view trace_id_of(std::string_view traceparent);  // its 32 digits; empty: it is none

// The entry of a record's context that user id and traceparent travel in, as texts under these names. The
// correlation id is a field of the record.
namespace trace_context {
inline constexpr std::string_view entry = "urn:eventy:trace", user_id = "user_id",
                                  traceparent = "traceparent";
}
// User id and traceparent of a context, views into it. What is no text, and an invalid traceparent, is
// absent.
TraceIds trace_ids_in(const Context& context);
// Writes user id and traceparent into a context, where they are present.
void put_trace_ids(Context& context, const TraceIds& ids);

namespace detail {

// Where the ids of a scope come from, when somebody asks for them. Called by the thread of the scope.
class TraceSource {
 public:
  virtual TraceIds ids() noexcept = 0;

 protected:
  ~TraceSource() = default;
};

// Ids that somebody else keeps.
class GivenTrace final : public TraceSource {
 public:
  explicit GivenTrace(const TraceIds& ids) : ids_(ids) {}
  TraceIds ids() noexcept override { return ids_; }

 private:
  TraceIds ids_;
};

extern constinit thread_local TraceSource* current_trace;  // null: no scope

// A scope without copies: two stores to a thread's pointer. The source outlives it.
class TraceScope {
 public:
  explicit TraceScope(TraceSource& source) : before_(current_trace) { current_trace = &source; }
  ~TraceScope() { current_trace = before_; }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  TraceSource* before_;
};

}  // namespace detail

class Trace final : detail::TraceSource {
 public:
  // Copies the ids. An absent one, and an invalid traceparent, is that of the scope around this one.
  explicit Trace(const TraceIds& ids);
  ~Trace() = default;
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  // The ids of this thread, valid until the innermost scope ends. All absent outside scopes.
  static TraceIds current() noexcept;

 private:
  TraceIds ids() noexcept override { return ids_; }

  OwnedTraceIds ids_;
  detail::TraceScope scope_{*this};
};

}  // namespace eventy
