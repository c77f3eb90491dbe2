// The parts of a PartitionEngine, each alone: a counter's routes, committed rows, and records to handle.
#pragma once

#include <map>

#include "counter_fixture.hpp"
#include "runtime/engine/slice_draft.hpp"
#include "runtime/engine/translator.hpp"
#include "support/throws.hpp"

namespace eventy::parts {

using counting::Clicked;
using counting::Counted;
using tests::throws;

struct Page {  // a state that may grow
  std::string text;
  EVENTY_FIELDS(text);
};

// What is committed of a partition.
class Rows final : public StateReader {
 public:
  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    ++reads;
    const auto it = rows.find({keyspace.value, std::string(key)});
    return it == rows.end() ? std::nullopt : std::optional(it->second);
  }
  void commit(const std::vector<StateChange>& changes) {
    for (const auto& c : changes) {
      rows.erase({c.keyspace.value, c.key});
      if (c.value) rows.emplace(std::pair{c.keyspace.value, c.key}, *c.value);
    }
  }
  std::map<std::pair<std::uint32_t, std::string>, std::string> rows;
  mutable int reads = 0;
};

template <class State = Page>
Service clicks_with(FailurePolicy policy, std::function<void(Turn<State>&, const Clicked&)> f) {
  return service<State>("counter")
      .on(exactly_once, [f](Turn<State>& turn, const Clicked& c) { f(turn, c); })
      .on_failure(std::move(policy));
}

struct Layout {  // what the store says of the topics
  std::uint32_t partitions = 1;
  std::size_t max_slice_bytes = SIZE_MAX;
};

struct Parts {
  using Tune = std::function<void(RuntimeOptions&)>;
  explicit Parts(
      const Service& service, const Tune& tune = [](auto&) {}, const Layout& layout = {})
      : runtime(std::make_shared<const ServiceRuntime>(service, options(tune))),
        routes(std::make_shared<const Routes>(
            Routes{.runtime = runtime,
                   .partitions = std::vector<std::uint32_t>(8, layout.partitions),
                   .max_state_bytes = 1000,
                   .max_slice_bytes = layout.max_slice_bytes})),
        environment(routes, {0}, clock, std::make_shared<TurnWatch>(), std::make_shared<PartitionMetrics>()) {
    environment.read_clock();
  }
  static RuntimeOptions options(const Tune& tune) {
    RuntimeOptions o{.serializer = testing::plain_serializer(),
                     .state_format = testing::plain_state_format()};
    tune(o);
    return o;
  }
  TopicIndex events() const { return *runtime->topic_named("web-events"); }

  testing::VirtualClock clock;
  std::shared_ptr<const ServiceRuntime> runtime;
  std::shared_ptr<const Routes> routes;
  PartitionEnvironment environment;
  std::shared_ptr<Rows> rows = std::make_shared<Rows>();
};

inline Record clicked(const std::string& key, std::int64_t n) {
  Record record(Kind::event, "urn:web", "Clicked", "urn:web");
  record.set_partition_key(key);
  record.data = {{"n", Value{n}}};
  return record;
}

// An input that is no record, as a timer of a key is: a click for the handlers of clicks.
class Tick final : public Content {
 public:
  enum class Parked : std::uint8_t { possible, impossible };
  explicit Tick(std::int64_t n, Parked parked = Parked::possible) : Tick(encoded(n), parked) {}
  explicit Tick(std::string bytes, Parked parked = Parked::possible)
      : bytes_(std::move(bytes)), parked_(parked), reader_(decoder_->start(bytes_)) {}

  void begin(Attempt& attempt, std::int64_t number) {
    attempt.begin({source, number}, *this);
    attempt.meta.name = "Clicked", attempt.meta.version = "1.0.0";
    attempt.meta.uuid = "ann Tick", attempt.meta.correlation_id = "chain";
  }
  static constexpr std::string_view source = "timer Tick";

  bool context_is_empty() override { return true; }
  void read_context(Context& out) override { out.clear(); }
  Reader& data() override { return reader_; }
  std::optional<std::string_view> bytes() const override {
    return parked_ == Parked::possible ? std::optional<std::string_view>(bytes_) : std::nullopt;
  }

 private:
  static std::string encoded(std::int64_t n) {
    std::string bytes;
    const auto encoder = testing::plain_state_format()->make_encoder();
    write(encoder->start(bytes), Clicked{n});
    return bytes;
  }
  std::string bytes_;
  Parked parked_;
  std::unique_ptr<ValueDecoder> decoder_ = testing::plain_state_format()->make_decoder();
  Reader& reader_;
};

// Records of a topic in one batch.
inline std::shared_ptr<const Batch> batch_of(TopicIndex topic, const std::vector<Record>& records,
                                             std::int64_t from = 0) {
  auto batch = std::make_shared<Batch>();
  batch->topic = topic;
  std::vector<std::string> values;
  const auto encoder = testing::plain_serializer()->make_encoder();
  for (const auto& r : records) values.push_back(encode(r, *encoder));
  for (const auto& v : values) batch->slab += v;
  batch->slab.append(value_padding, '\0');
  std::size_t at = 0;
  for (const auto& v : values) {
    batch->records.push_back(
        {.offset = {from++}, .value = std::string_view(batch->slab).substr(at, v.size())});
    at += v.size();
  }
  batch->next = {from};
  return batch;
}

}  // namespace eventy::parts
