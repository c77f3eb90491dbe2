// Runs a service without threads, actors or a store, in virtual time: for unit tests of services. Messages
// pass through the serializer, states through the state format, and turns run in the same engine as in a
// node.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "eventy/engine/partition_engine.hpp"
#include "eventy/engine/source_engine.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/virtual_clock.hpp"

namespace eventy::testing {

struct BenchOptions {
  std::shared_ptr<const Serializer> serializer = {};     // default: plain_serializer()
  std::shared_ptr<const StateFormat> state_format = {};  // default: plain_state_format()
  // Of a topic, or of all topics of a service.
  std::map<std::string, std::shared_ptr<const Serializer>> serializers = {};
};

// The envelope and context of a told message. Absent values are generated.
struct Tell {
  std::string uuid = {};
  std::string source = {};
  std::string correlation_id = {};
  std::string version = {};  // default: that of the message type
  Context context = {};
  std::string request_uuid = {};                // of a response
  std::optional<std::string> destination = {};  // of a response; default: the service
  std::optional<std::int64_t> refused = {};     // makes the message a refusal with this code
};

class Bench {
 public:
  explicit Bench(Service service, BenchOptions options = {});
  ~Bench();

  // The service reads the record, handles it and commits, at-most-once handlers included. Turns that wait for
  // a retry continue when advance() reaches their time.
  template <Message M>
  void tell(const M& message, std::optional<std::string> key, const Tell& how = {}) {
    using R = typename RecordOf<M>::type;
    tell_record(R::kind, R::ns, R::name, R::version, std::move(key), how,
                [&](Writer& w) { how.refused ? (w.open_map(0), w.close_map()) : write(w, message); });
  }
  // `value` may be any bytes; nullopt: a tombstone.
  void tell_bytes(const std::string& topic, std::optional<std::string> value, std::optional<std::string> key);
  void advance(Duration by);
  void release(std::string_view key);                // releases parked records; see eventy/engine/parking.hpp
  std::uint64_t parked(std::string_view key) const;  // number of parked records
  // One poll of a source.
  void poll(std::string_view source, std::size_t limit = 100);

  struct Sent {
    Record record;
    std::string topic, bytes;
    bool immediate;  // written outside of the transaction
  };
  const std::vector<Sent>& sent_records() const { return sent_; }
  template <Message M>
  std::vector<M> sent() const {
    using R = typename RecordOf<M>::type;
    std::vector<M> out;
    for (const Sent& s : sent_) {
      if (s.record.kind() != R::kind || s.record.ns() != R::ns || s.record.name() != R::name ||
          !s.record.ok())
        continue;
      read_data(s, [&](Reader& r) { read(r, out.emplace_back(), Absent::is_error); });
    }
    return out;
  }
  // The committed state of a key; nullopt: it has none.
  template <Fields State>
  std::optional<State> state(const std::string& key) const {
    const auto it = committed_.find({ServiceRuntime::state_keyspace.value, key});
    if (it == committed_.end()) return std::nullopt;
    State s{};
    read_state(detail::state_ops<State>, it->second, *state_decoder_, &s);
    return s;
  }
  template <QueryType Q>
  typename Q::record::answer ask(const std::string& key, const Q& query) {
    typename Q::record::answer a{};
    std::string question, answer;
    write(state_encoder_->start(question), query);
    engine_->answer(Q::record::name, key, state_decoder_->start(question), state_encoder_->start(answer));
    read(state_decoder_->start(answer), a, Absent::is_error);
    return a;
  }
  struct DeadLetter {
    std::map<std::string, std::string> headers;  // names as in eventy::dead_letter
    std::string bytes;
    std::optional<std::string> key = {};
    bool tombstone = false;  // the record had no value
  };
  const std::vector<DeadLetter>& dead_letters() const { return dead_; }
  PartitionStats stats() const { return engine_->stats(); }
  Instant now() const { return clock_.date(); }  // the same as Turn::now()

 private:
  class CommittedState;
  using States = std::map<std::pair<std::uint32_t, std::string>, std::string>;
  void tell_record(Kind kind, std::string_view ns, std::string_view name, std::string_view version,
                   std::optional<std::string> key, const Tell& how, const std::function<void(Writer&)>& data);
  void deliver(TopicIndex topic, std::optional<std::string> value, std::optional<std::string> key);
  void run();
  void commit(Slice& slice);
  void keep(const OutputBuffer& outputs, bool immediate);
  void read_data(const Sent& sent, const std::function<void(Reader&)>& f) const;

  std::shared_ptr<const ServiceRuntime> runtime_;
  std::shared_ptr<const Routes> routes_;
  VirtualClock clock_;
  States committed_;
  std::shared_ptr<const StateReader> reader_;
  std::unique_ptr<PartitionEngine> engine_;
  std::map<std::string, std::unique_ptr<SourceEngine>, std::less<>> sources_;
  PerTopic<Decoder> decoders_;
  PerTopic<Encoder> encoders_;
  std::unique_ptr<ValueDecoder> state_decoder_;
  std::unique_ptr<ValueEncoder> state_encoder_;
  std::vector<Sent> sent_;
  std::vector<DeadLetter> dead_;
  std::map<std::uint32_t, std::int64_t> next_offset_;
  std::uint64_t told_ = 0;
};

}  // namespace eventy::testing
