#include "client_core.hpp"

#include "eventy/core/ids.hpp"
#include "eventy/engine/failure_class.hpp"
#include "eventy/trace.hpp"

namespace eventy::detail {

namespace {

constexpr std::size_t usual_bytes = 512;  // of a record; a longer one grows
constexpr std::size_t overhead = 128;     // bytes that a record takes beside its key and value
constexpr Duration max_for_closing{5'000};

Error closed() { return {ErrorCode::closed, "the client is closed; the record is not stored"}; }

// The callback, with the trace that its call had.
template <class... Arguments>
std::function<void(Arguments...)> in_trace_of_call(std::function<void(Arguments...)> call) {
  const TraceIds now = Trace::current();
  if (now.empty()) return call;
  return [ids = OwnedTraceIds(now), call = std::move(call)](Arguments... arguments) {
    const Trace trace(ids);
    call(std::forward<Arguments>(arguments)...);
  };
}

// Parts that may hold any text, so that no two lists of parts are the same.
void add_part(std::string& to, std::string_view part) {
  ((to += std::to_string(part.size())) += ':') += part;
}

}  // namespace

ClientCore::ClientCore(std::shared_ptr<RecordStore> store, RuntimeOptions formats, ClientOptions options)
    : owned_(std::move(store)),
      store_(*owned_),
      options_(std::move(options)),
      routes_(std::move(formats)),
      responses_(store_, routes_.formats().limits) {}

ClientCore::~ClientCore() { (void)close(max_for_closing); }

class ClientCore::Entered {
 public:
  explicit Entered(ClientCore& core) : core_(core) { ++core_.calls_; }
  ~Entered() {
    if (--core_.calls_ == 0 && core_.is_closed_) core_.calls_.notify_all();
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  ClientCore& core_;
  CallbackThread marked_ = {};  // a callback that is called at once must not close the client
};

// --- a record ---

std::string ClientCore::uuid_of(const std::string& from, const ClientRecord& record) const {
  if (record.idempotency_key.empty()) return random_uuid();
  std::string id;
  for (const auto part : {record.ns, record.name, record.key.value_or("")}) add_part(id, part);
  add_part(id, record.key ? "key" : "no key");
  add_part(id, record.idempotency_key);
  char uuid[36];
  UuidDeriver("client " + from).derive(id, 0, uuid);
  return {uuid, sizeof uuid};
}

Result<ClientCore::Encoded> ClientCore::encode(const std::string& from, const ClientRecord& record,
                                               const WriteData& data, const ClientRoute& route) {
  Encoded out{.uuid = uuid_of(from, record)};
  TraceIds trace = Trace::current();
  if (!record.user_id.empty()) trace.user_id = record.user_id;
  if (!record.correlation_id.empty()) trace.correlation_id = record.correlation_id;
  const std::string chain = trace.correlation_id.empty() ? make_correlation_id(from.substr(4), record.name)
                                                         : std::string(trace.correlation_id);
  const Envelope e{.kind = record.kind,
                   .ns = record.ns,
                   .name = record.name,
                   .version = record.version,
                   .source = from,
                   .uuid = out.uuid,
                   .correlation_id = chain,
                   .partition_key = record.key,
                   .date = record.date.value_or(clock_.date())};
  if (const auto broken = broken_rule(e))
    return Error{ErrorCode::invalid_argument, "cannot write " + std::string(record.name) + ": " + *broken};
  try {
    const EncoderPool::Lent encoder(*route.encoders);
    out.record.value.reserve(usual_bytes);
    Context common = *record.context;
    put_trace_ids(common, trace);
    const OutgoingContext context{.common = common.empty() ? nullptr : &common,
                                  .version = next_version_.fetch_add(1, std::memory_order_relaxed)};
    data((*encoder).begin(e, context, out.record.value));
    (*encoder).end();
  } catch (...) {
    return Error{ErrorCode::invalid_argument, "cannot write " + std::string(record.name) + " as " +
                                                  std::string(route.encoders->serializer().name()) + ": " +
                                                  describe(std::current_exception()).reason};
  }
  const std::size_t most = routes_.formats().max_record_bytes;
  if (out.record.value.size() > most)
    return Error{ErrorCode::too_large, std::string(record.name) + " of " +
                                           std::to_string(out.record.value.size()) +
                                           " bytes is over the limit of " + std::to_string(most)};
  if (record.key) out.record.key.emplace(*record.key);
  const bool has_place = record.key && !(record.key->empty() && spreads_empty_keys(route.partitioner));
  out.partition =
      partition_of(has_place ? *record.key : std::string_view(out.uuid), route.partitions, route.partitioner);
  return out;
}

Result<void> ClientCore::reserve(std::size_t bytes) {
  const std::size_t before = pending_.bytes.fetch_add(bytes);
  if (before + bytes <= options_.max_pending_bytes || before == 0) return {};
  pending_.bytes -= bytes;
  return Error{ErrorCode::full, std::to_string(before) +
                                    " bytes of records are on their way to the store: at most " +
                                    std::to_string(options_.max_pending_bytes) + " may be; try again later"};
}

Result<RecordWriter*> ClientCore::writer() {
  if (RecordWriter* made = made_writer_.load(std::memory_order_acquire)) return made;
  const std::lock_guard lock(mutex_);
  if (!writer_) {
    auto made = store_.open_writer();
    if (!made) return made.error();
    writer_ = *std::move(made);
    made_writer_.store(writer_.get(), std::memory_order_release);
  }
  return writer_.get();
}

void ClientCore::write(const ClientRoute& route, Encoded encoded, OnStored done) {
  const NewRecord& record = encoded.record;
  const std::size_t bytes = record.value.size() + (record.key ? record.key->size() : 0) + overhead;
  if (const auto reserved = reserve(bytes); !reserved) return done(reserved.error());
  const auto to = writer();
  if (!to) {
    pending_.bytes -= bytes;
    return done(to.error());
  }
  const PartitionId partition = encoded.partition;
  (*to)->write(route.topic, partition, std::move(encoded.record),
               [this, &route, partition, bytes, done = std::move(done)](const Result<Offset>& offset) {
                 pending_.bytes -= bytes;
                 ++(offset ? pending_.stored : pending_.failed);
                 done(offset ? Result<Stored>(Stored{route.topic, partition, *offset})
                             : Result<Stored>(offset.error()));
               });
}

void ClientCore::emit(const std::string& from, const ClientRecord& record, const WriteData& data,
                      OnStored done) {
  const Entered call(*this);
  if (is_closed_) return done(closed());
  done = in_trace_of_call(std::move(done));
  const auto route = routes_.find(store_, record.kind, record.ns);
  if (!route) return done(route.error());
  auto encoded = encode(from, record, data, **route);
  if (!encoded) return done(encoded.error());
  write(**route, *std::move(encoded), std::move(done));
}

// --- a request ---

Result<void> ClientCore::expect(const std::string& uuid, const std::string& from, const ClientRecord& record,
                                const ExpectedResponse& expected, const OnResponse& done) {
  const auto responses = routes_.find(store_, Kind::response, record.ns);
  if (!responses) return responses.error();
  // Before the request is sent, so that no response is missed.
  if (const auto followed = responses_.follow((*responses)->topic, (*responses)->encoders->serializer());
      !followed)
    return followed;
  return responses_.expect(uuid, from, expected, done, options_.max_requests);
}

void ClientCore::request(const std::string& from, const ClientRecord& record, const WriteData& data,
                         const ExpectedResponse& expected, OnResponse done) {
  const auto fail = [&](const Error& error) { done(&error, nullptr, nullptr); };
  const Entered call(*this);
  if (is_closed_) return fail(closed());
  done = in_trace_of_call(std::move(done));
  const auto route = routes_.find(store_, record.kind, record.ns);
  if (!route) return fail(route.error());
  auto encoded = encode(from, record, data, **route);
  if (!encoded) return fail(encoded.error());
  const std::string uuid = encoded->uuid;
  if (const auto expecting = expect(uuid, from, record, expected, done); !expecting)
    return fail(expecting.error());
  write(**route, *std::move(encoded), [this, uuid](const Result<Stored>& stored) {
    // If nobody knows, the response or the deadline tells.
    if (!stored && stored.error().code != ErrorCode::unknown_outcome) responses_.cancel(uuid, stored.error());
  });
}

// --- the end ---

ClientFigures ClientCore::figures() const {
  const auto responses = responses_.counts();
  return {.stored = pending_.stored,
          .failed = pending_.failed,
          .responses = responses.responses,
          .timed_out = responses.timed_out,
          .unexpected_responses = responses.unexpected,
          .pending_bytes = pending_.bytes,
          .open_requests = responses.open};
}

// The writer first: it completes what refers to the responses.
Result<void> ClientCore::close(Duration within) {
  if (CallbackThread::is_current()) return CallbackThread::refused("close a client");
  is_closed_ = true;
  for (int calls = calls_; calls > 0; calls = calls_) calls_.wait(calls);
  RecordWriter* writer = nullptr;
  {
    const std::lock_guard lock(mutex_);
    writer = writer_.get();
  }
  if (writer) writer->close(within);
  responses_.close();
  return {};
}

}  // namespace eventy::detail
