#include "eventy/testing/bench.hpp"

#include <stdexcept>

#include "eventy/testing/plain_format.hpp"

namespace eventy::testing {

class Bench::CommittedState final : public StateReader {
 public:
  explicit CommittedState(const States& states) : states_(states) {}
  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    const auto it = states_.find({keyspace.value, std::string(key)});
    if (it == states_.end()) return std::optional<std::string>{};
    return std::optional<std::string>{it->second};
  }

 private:
  const States& states_;
};

namespace {

RuntimeOptions runtime_options(BenchOptions o) {
  return {.serializer = o.serializer ? std::move(o.serializer) : plain_serializer(),
          .serializers = std::move(o.serializers),
          .state_format = o.state_format ? std::move(o.state_format) : plain_state_format()};
}

std::string padded(std::string_view bytes) {
  std::string out(bytes);
  out.append(value_padding, '\0');
  return out;
}

}  // namespace

Bench::Bench(Service service, BenchOptions options)
    : runtime_(std::make_shared<const ServiceRuntime>(service, runtime_options(std::move(options)))),
      reader_(std::make_shared<CommittedState>(committed_)),
      decoders_(*runtime_, [](const auto& s) { return s.make_decoder(); }),
      encoders_(*runtime_, [](const auto& s) { return s.make_encoder(); }),
      state_decoder_(runtime_->options().state_format->make_decoder()),
      state_encoder_(runtime_->options().state_format->make_encoder()) {
  const auto topics = runtime_->session_options("bench").topics.size();
  routes_ = std::make_shared<const Routes>(Routes{runtime_, std::vector<std::uint32_t>(topics, 1)});
  engine_ = std::make_unique<PartitionEngine>(routes_, PartitionId{0}, Epoch{1}, reader_, clock_);
}

Bench::~Bench() = default;

void Bench::tell_record(Kind kind, std::string_view ns, std::string_view name, std::string_view version,
                        std::optional<std::string> key, const Tell& how,
                        const std::function<void(Writer&)>& data) {
  const auto topics = runtime_->session_options("bench").topics;
  std::optional<TopicIndex> topic;
  for (std::uint32_t t = 0; t < topics.size() && !topic; ++t)
    for (const auto& c : runtime_->candidates({t}))
      if (c.plan->handles(Envelope{.kind = kind, .ns = ns, .name = name})) topic = TopicIndex{t};
  if (!topic) throw std::invalid_argument("no handler for " + std::string(name));
  const std::string uuid = how.uuid.empty() ? random_uuid() : how.uuid;
  const std::string source = how.source.empty() ? std::string(ns) : how.source;
  const std::string chain =
      how.correlation_id.empty() ? make_correlation_id("bench", name, ++told_) : how.correlation_id;
  const std::string asked = how.request_uuid.empty() ? uuid : how.request_uuid;
  Envelope e{.kind = kind, .ns = ns, .name = name, .version = how.version.empty() ? version : how.version};
  e.source = source, e.uuid = uuid, e.correlation_id = chain, e.date = clock_.date();
  if (key) e.partition_key = *key;
  if (kind == Kind::response) {
    e.destination =
        how.destination ? std::string_view(*how.destination) : std::string_view(runtime_->plan().ns);
    e.request_uuid = asked;
    e.ok = !how.refused;
    if (how.refused) e.error_code = *how.refused, e.error_message = "refused";
  }
  std::string value;
  Encoder& encoder = encoders_.of(*topic);
  data(encoder.begin(e, {.common = how.context.empty() ? nullptr : &how.context, .version = ++told_}, value));
  encoder.end();
  deliver(*topic, std::move(value), std::move(key));
}

void Bench::tell_bytes(const std::string& topic, std::optional<std::string> value,
                       std::optional<std::string> key) {
  const auto topics = runtime_->session_options("bench").topics;
  for (std::uint32_t t = 0; t < topics.size(); ++t)
    if (topics[t] == topic) return deliver({t}, std::move(value), std::move(key));
  throw std::invalid_argument("the service reads no topic " + topic);
}

void Bench::deliver(TopicIndex topic, std::optional<std::string> value, std::optional<std::string> key) {
  auto batch = std::make_shared<Batch>();
  const bool tombstone = !value;
  const std::size_t size = value ? value->size() : 0;
  batch->topic = topic;
  if (value) batch->slab = *std::move(value);
  const std::size_t key_at = batch->slab.size();
  if (key) batch->slab += *key;
  batch->slab.append(value_padding, '\0');
  const std::string_view slab = batch->slab;
  StoredRecord record{
      .offset = {next_offset_[topic.value]++}, .value = slab.substr(0, size), .tombstone = tombstone};
  if (key) record.key = slab.substr(key_at, key->size());
  batch->next = {record.offset.value + 1};
  batch->records.push_back(record);
  engine_->accept(std::move(batch));
  run();
}

void Bench::run() {
  for (bool more = true; more;) {
    auto step = engine_->step();
    more = step.more;
    if (step.slice) commit(*step.slice);
  }
}

void Bench::commit(Slice& slice) {
  keep(slice.immediate, true);
  keep(slice.effects.outputs, false);
  for (auto& change : slice.effects.state) {
    const std::pair at{change.keyspace.value, change.key};
    if (change.value) {
      committed_[at] = std::move(*change.value);
    } else {
      committed_.erase(at);
    }
  }
  if (!slice.task.is_source()) keep(engine_->committed(slice.number), true);
}

void Bench::advance(Duration by) {
  clock_.advance(by);
  run();
}

void Bench::release(std::string_view key) {
  engine_->release(key);
  run();
}

std::uint64_t Bench::parked(std::string_view key) const { return engine_->parked(key); }

void Bench::poll(std::string_view source, std::size_t limit) {
  const auto& known = runtime_->plan().sources;
  auto it = sources_.find(source);
  if (it == sources_.end()) {
    for (std::uint32_t s = 0; s < known.size(); ++s)
      if (known[s].name == source)
        it = sources_
                 .emplace(source, std::make_unique<SourceEngine>(routes_, TaskId{{0}, s}, Epoch{1}, reader_,
                                                                 clock_, limit))
                 .first;
    if (it == sources_.end()) throw std::invalid_argument("no source " + std::string(source));
  }
  auto poll = it->second->poll();
  if (!poll.slice) return;
  commit(*poll.slice);
  it->second->committed(poll.slice->number);
}

void Bench::keep(const OutputBuffer& outputs, bool immediate) {
  for (const auto& entry : outputs.entries) {
    if (entry.topic == ServiceRuntime::dead_letters) {
      DeadLetter& letter = dead_.emplace_back();
      letter.bytes = outputs.value(entry);
      letter.tombstone = entry.tombstone;
      if (entry.has_key) letter.key.emplace(outputs.key(entry));
      for (std::uint32_t h = 0; h < entry.headers; ++h) {
        const Header header = outputs.header(outputs.headers[entry.first_header + h]);
        letter.headers.emplace(header.name, header.value);
      }
      continue;
    }
    const std::string bytes(outputs.value(entry));
    sent_.push_back(
        {decode(bytes, decoders_.of(entry.topic)), runtime_->topic_name(entry.topic), bytes, immediate});
  }
}

void Bench::read_data(const Sent& sent, const std::function<void(Reader&)>& f) const {
  const std::string copy = padded(sent.bytes);
  Decoder& decoder = decoders_.of(runtime_->topic_named(sent.topic).value());
  decoder.decode(std::string_view(copy).substr(0, sent.bytes.size()));
  f(decoder.data());
}

}  // namespace eventy::testing
