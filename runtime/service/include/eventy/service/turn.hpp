// What a handler works with. A turn stages its effects: they take effect when the handler returns, and are
// dropped when it throws. A turn lives for one call on one thread; its views (meta, key) end with it.
#pragma once

#include <concepts>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "eventy/core/codec.hpp"
#include "eventy/core/context.hpp"
#include "eventy/core/record.hpp"
#include "eventy/core/schema.hpp"

namespace eventy {

struct NoState {
  EVENTY_FIELDS();
};

// The handled record: its envelope, topic, partition and offset. Views, valid during the turn.
struct Meta : Envelope {
  std::string_view topic = {};
  PartitionId partition = {};
  Offset offset = {};
};

struct NoKey {};
inline constexpr NoKey no_key{};

// The key of an output: by default the key being handled, else the one that is given, or none. A view.
class OutputKey {
 public:
  OutputKey() = default;
  OutputKey(NoKey) : is_inherited_(false) {}
  template <std::convertible_to<std::string_view> Text>
  OutputKey(const Text& key) : key_(std::string_view(key)), is_inherited_(false) {}

  std::optional<std::string_view> or_else(std::optional<std::string_view> handled) const {
    return is_inherited_ ? handled : key_;
  }

 private:
  std::optional<std::string_view> key_ = {};
  bool is_inherited_ = true;
};

struct EmitOptions {
  OutputKey key = {};                // `no_key`: the event needs no order, and its uuid chooses the partition
  std::optional<Instant> date = {};  // when it happened; default: when the turn's slice began
  bool new_chain = false;            // a correlation id of its own, and no context
};
struct RequestOptions {
  OutputKey key = {};
};

namespace detail {
// A context as a member of a struct.
struct CarriedContext {
  Context value = {};
};
void write(Writer& w, const CarriedContext& v);
void read(Reader& r, CarriedContext& v, Absent absent);
}  // namespace detail

// What it takes to answer a request later: keep it in a state, then `turn.respond(reply_to, answer)`.
struct ReplyTo {
  std::string destination = {}, request_uuid = {}, correlation_id = {};
  std::optional<std::string> key = {};
  detail::CarriedContext context = {};
  EVENTY_FIELDS(destination, request_uuid, correlation_id, key, context);
};

// The argument of a response handler: the response, or a refusal. The data of a refusal is an empty map.
template <ResponseType R>
class Reply {
 public:
  explicit Reply(R value) : value_(std::move(value)) {}
  Reply(std::optional<std::int64_t> code, std::string message) : code_(code), message_(std::move(message)) {}
  bool ok() const { return value_.has_value(); }
  const R& value() const { return value_.value(); }
  std::optional<std::int64_t> error_code() const { return code_; }
  const std::string& error_message() const { return message_; }

 private:
  std::optional<R> value_ = {};
  std::optional<std::int64_t> code_ = {};
  std::string message_ = {};
};

enum class LogLevel : std::uint8_t { debug, info, warning, error };

namespace detail {

// A record that a turn writes, without its data.
struct OutputSpec {
  Kind kind{};
  std::string_view ns = {}, name = {}, version = {};
  std::optional<std::string_view> key = {};
  std::optional<Instant> date = {};      // default: the turn's
  bool new_chain = false;                // begins a chain: a correlation id of its own, no context
  std::string_view correlation_id = {};  // of a source: the chain to continue; empty: a new one
  const ReplyTo* reply_to = nullptr;     // of a response
  bool ok = true;
  std::optional<std::int64_t> error_code = {};
  std::optional<std::string_view> error_message = {};
};

// The port through which a turn stages its effects in the engine.
class Effects {
 public:
  virtual ~Effects() = default;
  virtual Writer& begin(const OutputSpec& output) = 0;  // the data follows, directly into the slice's buffer
  virtual void end() = 0;
  virtual void abandon() = 0;  // discards the output that begin() started and end() did not complete
  virtual void* edit() = 0;    // the key's state, created if absent; marks it changed
  virtual void delete_state() = 0;
  virtual const void* state() const = 0;  // null: none
  virtual const Context& context() = 0;
  virtual void set_context(std::string name, ContextValue value) = 0;  // in the service's own entry
  virtual void log(LogLevel level, std::string_view text) = 0;
};

struct TurnCore {
  std::optional<std::string_view> key;
  std::string_view version;  // of what is handled
  const Meta* meta;          // of the record that is handled; null: the turn handles no record
  Effects& effects;
  Instant date;
};

const Meta& meta_of(const TurnCore& core);  // throws std::logic_error if the turn handles no record

}  // namespace detail

// A turn of a handler without state: an at-most-once handler, or any handler of a stateless service.
class StatelessTurn {
 public:
  explicit StatelessTurn(detail::TurnCore& core) : core_(core) {}
  StatelessTurn(const StatelessTurn&) = delete;
  StatelessTurn& operator=(const StatelessTurn&) = delete;

  // The key being handled; empty if the record has none.
  std::string_view key() const { return core_.key.value_or(std::string_view{}); }
  bool has_key() const { return core_.key.has_value(); }
  // Of the handled record. Throws std::logic_error in a turn that handles no record.
  const Meta& meta() const { return detail::meta_of(core_); }
  Instant now() const { return core_.date; }  // the wall clock when the slice began; virtual in tests

  // The context of what is handled, with what this turn has set. Outputs inherit it.
  const Context& context() const { return core_.effects.context(); }
  void set_context(std::string name, ContextValue value) {
    core_.effects.set_context(std::move(name), std::move(value));
  }
  // Logs a line with the service, partition and correlation id.
  void log(LogLevel level, std::string_view text) const { core_.effects.log(level, text); }

  // Writes an event to this service's event topic. Throws std::logic_error if the event's namespace is not
  // the service's.
  template <EventType E>
  void emit(const E& event, EmitOptions options = {}) {
    put(event, {.key = options.key.or_else(core_.key), .date = options.date, .new_chain = options.new_chain});
  }
  // Sends a request to the service that owns its namespace; the response comes back to the key handled now.
  template <RequestType Q>
  void request(const Q& request, RequestOptions options = {}) {
    put(request, {.key = options.key.or_else(core_.key)});
  }
  template <ResponseType R>
  void respond(const ReplyTo& to, const R& response) {
    put(response, {.key = core_.key, .reply_to = &to});
  }
  template <ResponseType R>
  void refuse(const ReplyTo& to, std::int64_t code, std::string_view message) {
    refuse_as<R>(to, code, message);
  }

 protected:
  // If writing throws, nothing of the record stays, even if the handler catches the exception.
  template <class Data>
  void write_output(const detail::OutputSpec& spec, const Data& data) {
    try {
      data(core_.effects.begin(spec));
      core_.effects.end();
    } catch (const EncodeError& e) {
      core_.effects.abandon();
      throw e.within("data");  // the path within the record, as encode() of a whole record reports it
    } catch (...) {
      core_.effects.abandon();
      throw;
    }
  }
  template <class M>
  void put(const M& message, detail::OutputSpec spec) {
    using R = typename RecordOf<M>::type;
    spec.kind = R::kind, spec.ns = R::ns, spec.name = R::name, spec.version = R::version;
    write_output(spec, [&](Writer& w) { write(w, message); });
  }
  template <class M>
  void refuse_as(const ReplyTo& to, std::int64_t code, std::string_view message) {
    using R = typename RecordOf<M>::type;
    write_output({.kind = R::kind,
                  .ns = R::ns,
                  .name = R::name,
                  .version = R::version,
                  .key = core_.key,
                  .reply_to = &to,
                  .ok = false,
                  .error_code = code,
                  .error_message = message},
                 [](Writer& w) { w.open_map(0), w.close_map(); });
  }
  detail::TurnCore& core_;
};

// A turn with the state of its key.
template <class State>
class Turn : public StatelessTurn {
 public:
  using StatelessTurn::StatelessTurn;
  const State* state() const { return static_cast<const State*>(core_.effects.state()); }  // null: none
  // The state, created if absent; marks the key changed.
  State& edit() { return *static_cast<State*>(core_.effects.edit()); }
  void delete_state() { core_.effects.delete_state(); }
};
template <>
class Turn<NoState> : public StatelessTurn {
 public:
  using StatelessTurn::StatelessTurn;
};

// A turn that handles a request: only here respond() works without a ReplyTo.
template <class Base, RequestType Q>
class BasicRequestTurn : public Base {
 public:
  using Base::Base;
  using Base::refuse;
  using Base::respond;
  using Response = typename RecordOf<Q>::type::response;
  void respond(const Response& response) { Base::respond(reply_to(), response); }
  void refuse(std::int64_t code, std::string_view message) {
    this->template refuse_as<Response>(reply_to(), code, message);
  }
  ReplyTo reply_to() const {
    const Meta& m = this->meta();
    ReplyTo to{
        std::string(m.source), std::string(m.uuid), std::string(m.correlation_id), {}, {this->context()}};
    if (this->has_key()) to.key = std::string(this->key());
    return to;
  }
};
template <class State, RequestType Q>
using RequestTurn = BasicRequestTurn<Turn<State>, Q>;
template <RequestType Q>
using StatelessRequestTurn = BasicRequestTurn<StatelessTurn, Q>;

}  // namespace eventy
