// Emits events and sends requests from outside of turns: from HTTP handlers, jobs and tests. Made by a node,
// Node::client(), or on a store alone:
//
//   eventy::Client shop = node.client({.name = "shop"});
//   eventy::Stored at = shop.emit(OrderPlaced{…}, {.key = "ann"}).get(2s).value();
//   auto quote = shop.request(GetQuote{"tea"}, {.key = "tea", .timeout = 2s}).get(3s);   //
//   Result<Reply<Quote>>
//
// A record goes to the topic of its namespace's service. Nothing waits for the store, but the first record
// for a namespace, which asks the store for the topic. Outcomes come as a Future, or to a callback on a
// thread of the client, in the trace of the call, which must not throw nor wait for the client. Each comes
// exactly once:
//
//   a value          the record is stored (emit), or the response or refusal is here (request)
//   full             too much is on its way; nothing was taken
//   closed           the client, or its node, has ended; nothing was taken, or it was never sent
//   unknown_outcome  the record was sent and no answer came: it may be stored
//   timed_out        of a request: it is stored, or may be, and no response came in time
//   another error    not stored, and why
//
// Any thread may use a client. Copies share the connection, the queue and the reading of responses.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "eventy/core/future.hpp"
#include "eventy/engine/runtime.hpp"
#include "eventy/service.hpp"
#include "eventy/store/stored.hpp"

namespace eventy {

struct ClientOptions {
  std::string name = "client";  // records come from `urn:NAME`, and responses come back to it
  // Of records that are on their way to the store: more are refused with `full`. Of all copies.
  std::size_t max_pending_bytes = 32u << 20;
  std::size_t max_requests = 10'000;  // without a response yet; more are refused with `full`

  friend bool operator==(const ClientOptions&, const ClientOptions&) = default;
};

// Views are copied before the call returns.
struct ClientEmitOptions {
  std::optional<std::string_view> key =
      {};                            // none: the event needs no order, and its uuid chooses the partition
  std::optional<Instant> date = {};  // when it happened; default: now
  // Empty: none. The uuid is a function of the client's name, the namespace, the name and the key of the
  // record, and this: who reads it twice can tell.
  std::string_view idempotency_key = {};
  // Empty: those of the thread's trace (eventy/trace.hpp). Without any, the record begins a chain.
  std::string_view correlation_id = {}, user_id = {};
  Context context = {};
};
struct ClientRequestOptions {
  std::optional<std::string_view> key = {};
  Duration timeout{30'000};  // of the response, from this call on
  std::string_view idempotency_key = {}, correlation_id = {}, user_id = {};
  Context context = {};
};

struct ClientFigures {
  std::uint64_t stored = 0, failed = 0;        // records
  std::uint64_t responses = 0, timed_out = 0;  // of requests
  std::uint64_t unexpected_responses = 0;      // to this name, but of an earlier life, or late, or repeated
  std::uint64_t pending_bytes = 0, open_requests = 0;  // now
};

namespace detail {
class ClientCore;

// A record of a client, without its data.
struct ClientRecord {
  Kind kind{};
  std::string_view ns = {}, name = {}, version = {};
  std::optional<std::string_view> key = {};
  std::optional<Instant> date = {};
  std::string_view idempotency_key = {}, correlation_id = {}, user_id = {};
  const Context* context = nullptr;
};
// What a request's response has to be.
struct ExpectedResponse {
  std::string_view ns = {}, name = {};
  Duration timeout = {};
};
using WriteData = std::function<void(Writer&)>;
using OnStored = std::function<void(Result<Stored>)>;
// Either the error, or the response.
using OnResponse = std::function<void(const Error*, const Meta*, Reader*)>;
}  // namespace detail

class Client {
 public:
  template <class T>
  using Callback = std::function<void(Result<T>)>;

  // A client on a store without a node. `formats` says how records are written and where they go; its state
  // format is not used. The store must outlive close(), or the last copy.
  static Client on(RecordStore& store, RuntimeOptions formats, ClientOptions options = {});
  // One that keeps the store.
  static Client on(std::shared_ptr<RecordStore> store, RuntimeOptions formats, ClientOptions options = {});

  // Another client that shares the connection, the queue and the reading of responses.
  Client named(std::string name) const;

  template <EventType E>
  void emit(const E& event, const ClientEmitOptions& options, Callback<Stored> done) const {
    emit_record(
        record_of<E>(options, options.date), [&event](Writer& w) { write(w, event); }, std::move(done));
  }
  template <EventType E>
  Future<Stored> emit(const E& event, const ClientEmitOptions& options = {}) const {
    return promised<Stored>([&](Callback<Stored> done) { emit(event, options, std::move(done)); });
  }

  template <RequestType Q>
  void request(const Q& request, const ClientRequestOptions& options,
               Callback<Reply<typename RecordOf<Q>::type::response>> done) const {
    using R = typename RecordOf<Q>::type::response;
    using Expected = typename RecordOf<R>::type;
    request_record(
        record_of<Q>(options, {}), [&request](Writer& w) { write(w, request); },
        {Expected::ns, Expected::name, options.timeout},
        [done = std::move(done)](const Error* error, const Meta* meta, Reader* data) {
          done(error ? Result<Reply<R>>(*error) : reply_of<R>(*meta, *data));
        });
  }
  template <RequestType Q>
  auto request(const Q& request, const ClientRequestOptions& options = {}) const {
    using R = typename RecordOf<Q>::type::response;
    return promised<Reply<R>>(
        [&](Callback<Reply<R>> done) { this->request(request, options, std::move(done)); });
  }

  ClientFigures figures() const;
  // Takes no more, and waits at most so long until all records on their way are stored. Then completes what
  // is left, with closed or unknown_outcome. Also for all copies; a node calls it when it ends.
  // invalid_argument in a callback, which it would wait for.
  Result<void> close(Duration within) const;

 private:
  Client(std::shared_ptr<detail::ClientCore> core, std::string ns);

  template <class M, class Options>
  static detail::ClientRecord record_of(const Options& o, std::optional<Instant> date) {
    using R = typename RecordOf<M>::type;
    return {.kind = R::kind,
            .ns = R::ns,
            .name = R::name,
            .version = R::version,
            .key = o.key,
            .date = date,
            .idempotency_key = o.idempotency_key,
            .correlation_id = o.correlation_id,
            .user_id = o.user_id,
            .context = &o.context};
  }
  template <class T, class Start>
  static Future<T> promised(Start start) {
    auto promise = std::make_shared<Promise<T>>();
    auto future = promise->future();
    start([promise = std::move(promise)](Result<T> result) { promise->complete(std::move(result)); });
    return future;
  }
  template <class R>
  static Result<Reply<R>> reply_of(const Meta& meta, Reader& data) {
    try {
      return detail::decode_reply<R>(data, meta);
    } catch (const DecodeError& e) {
      return Error{ErrorCode::decode,
                   "the response " + std::string(meta.name) + " does not decode: " + e.what()};
    }
  }
  void emit_record(const detail::ClientRecord& record, const detail::WriteData& data,
                   detail::OnStored done) const;
  void request_record(const detail::ClientRecord& record, const detail::WriteData& data,
                      const detail::ExpectedResponse& expected, detail::OnResponse done) const;

  std::shared_ptr<detail::ClientCore> core_;
  std::string ns_;
};

}  // namespace eventy
