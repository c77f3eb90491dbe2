#include "eventy/engine/runtime.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "eventy/store/chunk.hpp"
#include "eventy/store/rules.hpp"
#include "failure_rows.hpp"

namespace eventy {

namespace {

// The dates that records carry. One that does not decode has none.
auto dates_of_envelopes(const RuntimeOptions& options) {
  struct Decoders {
    std::mutex mutex = {};
    std::map<std::string, std::unique_ptr<Decoder>> by_topic = {};
  };
  return [options, decoders = std::make_shared<Decoders>()](
             const std::string& topic, const StoredRecord& record) -> std::optional<WallTime> {
    if (record.tombstone) return std::nullopt;
    const std::lock_guard lock(decoders->mutex);
    auto& decoder = decoders->by_topic[topic];
    if (!decoder) decoder = serializer_of(options, topic)->make_decoder(options.limits);
    try {
      return decoder->decode(record.value).date;
    } catch (const DecodeError&) {
      return std::nullopt;
    }
  };
}

std::string id_of(const Plan::Handler& h) {
  const std::string of =
      h.records ? std::string(to_string(h.records->kind)) + ' ' + std::string(h.records->ns) + ':' : "";
  return of + std::string(h.name) + ' ' + std::string(to_string(h.guarantee));
}

}  // namespace

ServiceRuntime::ServiceRuntime(const Service& service, RuntimeOptions options)
    : service_(service), options_(std::move(options)) {
  const Plan& p = plan();
  if (!options_.serializer || !options_.state_format)
    throw std::invalid_argument("service " + p.name + ": a serializer and a state format are needed");
  if (!p.ns.starts_with("urn:") || p.ns.find('.') != std::string::npos)
    throw std::invalid_argument("service " + p.name + ": namespace \"" + p.ns +
                                "\" must start with urn: and hold no '.' (responses come back to it)");
  add_own_topics();
  for (std::uint32_t i = 0; i < p.handlers.size(); ++i) {
    if (p.handlers[i].records) add_record_handler(i);
    handler_ids_.push_back(id_of(p.handlers[i]));
    derivers_.emplace_back(p.ns + ' ' + handler_ids_.back());
  }
  for (const auto& ns : p.requested)
    asked_.emplace_back(ns, intern(topic_of(options_, owner_of(ns), TopicRole::requests)));
  find_partitioners();
  find_serializers();
  dispatch_.resize(topics_.size());
  for (auto& candidates : dispatch_)
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const auto& a, const auto& b) { return a.plan->guarantee < b.plan->guarantee; });
}

void ServiceRuntime::add_record_handler(std::uint32_t index) {
  const auto& h = plan().handlers[index];
  const auto& [kind, ns] = *h.records;
  if (kind == Kind::request && ns != plan().ns)
    throw std::invalid_argument("service " + plan().name + " handles " + std::string(h.name) + " of " +
                                std::string(ns) +
                                ": requests belong to the service that owns their namespace");
  const TopicIndex topic =
      kind == Kind::request ? requests : intern(topic_of(options_, owner_of(ns), role_of(kind)));
  add_input(topic, kind == Kind::response || !plan().state);
  const auto version = parse_version(h.version);
  const Candidate candidate{index, &h, version ? version->major : 0};
  dispatch_[topic.value].push_back(candidate);
  if (kind != Kind::response) return;
  if (returns_) dispatch_[returns_->value].push_back(candidate);
  asked_.emplace_back(ns, intern(topic_of(options_, owner_of(ns), TopicRole::requests)));
}

// Their indexes are constants, so each needs a topic of its own.
void ServiceRuntime::add_own_topics() {
  const Plan& p = plan();
  std::vector<TopicRole> own{TopicRole::requests, TopicRole::events, TopicRole::responses,
                             TopicRole::dead_letters};
  if (p.state && p.handles_responses()) own.push_back(TopicRole::returns);
  for (const TopicRole role : own) {
    const std::string name = topic_of(options_, p.name, role);
    if (topic_named(name))
      throw std::invalid_argument("service " + p.name + ": topic \"" + name +
                                  "\" has two of its roles; requests, events, responses, dead letters and " +
                                  "returns of a service need a topic each: change its names of topics");
    intern(name);
  }
  add_input(requests, false);
  if (own.back() != TopicRole::returns) return;
  returns_ = TopicIndex{static_cast<std::uint32_t>(own.size() - 1)};
  add_input(*returns_, false);
}

TopicIndex ServiceRuntime::intern(std::string name) {
  if (const auto known = topic_named(name)) return *known;
  topics_.push_back(std::move(name));
  dispatch_.emplace_back();
  return {static_cast<std::uint32_t>(topics_.size() - 1)};
}

void ServiceRuntime::add_input(TopicIndex topic, bool free) {
  const auto known = [&](const auto& list) {
    return std::find(list.begin(), list.end(), topic) != list.end();
  };
  if (known(inputs_) || (free && known(independent_inputs_))) return;
  (free ? independent_inputs_ : inputs_).push_back(topic);
  if (!free) std::erase(independent_inputs_, topic);  // events and responses in one topic
}

// The state of a key is in one partition, so all topics that are read with it must place keys the same way.
void ServiceRuntime::find_partitioners() {
  const auto configured = [&](TopicIndex topic, Partitioner fallback) {
    const auto it = options_.partitioners.find(topics_[topic.value]);
    return it == options_.partitioners.end() ? fallback : it->second;
  };
  for (std::uint32_t t = 0; t < topics_.size(); ++t)
    partitioners_.push_back(configured({t}, Partitioner::crc32));
  if (returns_) partitioners_[returns_->value] = configured(*returns_, partitioner());
  if (!plan().state) return;
  for (const TopicIndex input : inputs_) {
    if (partitioner(input) == partitioner()) continue;
    throw std::invalid_argument(
        "service " + plan().name + " has state, so all topics that it reads together need " +
        "one partitioner, but " + topics_[requests.value] + " has " + std::string(to_string(partitioner())) +
        " and " + topics_[input.value] + " has " + std::string(to_string(partitioner(input))) +
        ": set both in [partitioners]");
  }
}

void ServiceRuntime::find_serializers() {
  for (const auto& topic : topics_) serializers_.push_back(serializer_of(options_, topic));
  if (!returns_ || options_.serializers.contains(topics_[returns_->value])) return;
  std::vector<std::shared_ptr<const Serializer>> formats;
  for (std::uint32_t t = 0; t < topics_.size(); ++t) {
    const bool holds_responses = std::any_of(dispatch_[t].begin(), dispatch_[t].end(),
                                             [](const auto& c) { return c.plan->handles(Kind::response); });
    if (!holds_responses || TopicIndex{t} == returns_) continue;
    if (std::find(formats.begin(), formats.end(), serializers_[t]) == formats.end())
      formats.push_back(serializers_[t]);
  }
  try {
    serializers_[returns_->value] = formats.size() == 1 ? formats[0] : by_first_byte(std::move(formats));
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument("service " + plan().name + ": topic " + topics_[returns_->value] +
                                " holds responses of several formats: " + e.what());
  }
}

std::string ServiceRuntime::owner_of(std::string_view ns) const {
  return ns == plan().ns ? plan().name : service_of(options_, ns);
}

SessionOptions ServiceRuntime::session_options(std::string node) const {
  SessionOptions o{.service = plan().name,
                   .node = std::move(node),
                   .topics = topics_,
                   .inputs = inputs_,
                   .independent_inputs = independent_inputs_,
                   .keyspaces = {"state"}};
  for (const auto& s : plan().sources) o.keyspaces.push_back("source:" + s.name);
  o.keyspaces.emplace_back(failures_keyspace_name);
  if (const auto start = options_.starts.find(plan().name); start != options_.starts.end()) {
    o.start = start->second;
    o.date_of = dates_of_envelopes(options_);
  }
  const auto& handlers = plan().handlers;
  if (std::all_of(handlers.begin(), handlers.end(),
                  [](const auto& h) { return h.guarantee == Guarantee::exactly_once; }))
    o.output_mode = OutputMode::transactional_only;
  return o;
}

std::vector<TopicSpec> ServiceRuntime::topic_specs(std::uint32_t partitions) const {
  std::vector<TopicSpec> specs;
  for (const auto& t : topics_) specs.push_back({t, partitions});
  return specs;
}

std::vector<TopicIndex> ServiceRuntime::input_topics() const {
  std::vector<TopicIndex> all = inputs_;
  all.insert(all.end(), independent_inputs_.begin(), independent_inputs_.end());
  return all;
}

std::optional<TopicIndex> ServiceRuntime::topic_named(std::string_view name) const {
  const auto it = std::find(topics_.begin(), topics_.end(), name);
  if (it == topics_.end()) return std::nullopt;
  return TopicIndex{static_cast<std::uint32_t>(it - topics_.begin())};
}

std::optional<TopicIndex> ServiceRuntime::request_topic_of(std::string_view ns) const {
  if (ns == plan().ns) return requests;
  for (const auto& [known, topic] : asked_)
    if (known == ns) return topic;
  return std::nullopt;
}

std::optional<TopicIndex> ServiceRuntime::output_topic(Kind kind, std::string_view ns) const {
  if (kind == Kind::request) return request_topic_of(ns);
  return kind == Kind::response ? responses : events;
}

std::shared_ptr<const Routes> make_routes(std::shared_ptr<const ServiceRuntime> runtime,
                                          const StoreSession& session) {
  auto routes = std::make_shared<Routes>();
  constexpr std::size_t parts =
      4;  // of a cycle: the slice, the outputs of a record, the states of a record, a reserve
  routes->max_slice_bytes = session.max_cycle_bytes() / parts;
  const auto topics = static_cast<std::uint32_t>(runtime->session_options("").topics.size());
  for (std::uint32_t t = 0; t < topics; ++t) {
    routes->partitions.push_back(session.partition_count({t}));
    routes->needs_keys.push_back(session.needs_keys({t}));
    routes->max_sizes.push_back(
        std::min({session.max_record_bytes({t}), max_record_bytes, routes->max_slice_bytes}));
  }
  routes->max_state_bytes = std::min({session.max_state_bytes(), max_record_bytes, routes->max_slice_bytes});
  routes->runtime = std::move(runtime);
  return routes;
}

std::string detail::name_of_state(std::string_view service, PartitionId partition, const std::string& what,
                                  std::string_view key, const std::string& place) {
  return "service " + printable(service) + ", partition " + std::to_string(partition.value) + ": " + what +
         " of key \"" + printable(key) + "\"" + (place.empty() ? "" : " (in " + place + ")");
}

void detail::throw_for_state(const std::string& name) try { throw; } catch (const DecodeError& e) {
  throw Failure({ErrorCode::corrupt, name + " does not decode: " + e.what()});
} catch (const Failure& e) {
  if (e.error().code != ErrorCode::corrupt && e.error().code != ErrorCode::newer_format) throw;
  throw Failure({e.error().code, name + " cannot be read: " + e.what()});
}

void write_state(const detail::StateOps& ops, const void* state, ValueEncoder& encoder, std::string& out) {
  out.push_back(static_cast<char>(ops.version & 0xff));
  out.push_back(static_cast<char>(ops.version >> 8));
  ops.write(encoder.start(out), state);
}

void read_state(const detail::StateOps& ops, std::string_view bytes, ValueDecoder& decoder, void* out) {
  if (bytes.size() < 2) throw Failure({ErrorCode::corrupt, "a state of less than two bytes"});
  const auto version = static_cast<unsigned>(static_cast<unsigned char>(bytes[0])) |
                       static_cast<unsigned>(static_cast<unsigned char>(bytes[1])) << 8;
  if (version > ops.version)
    throw Failure({ErrorCode::newer_format, "a state of version " + std::to_string(version) +
                                                " was written by a newer program; this one knows version " +
                                                std::to_string(ops.version)});
  ops.read(decoder.start(bytes.substr(2)), static_cast<std::uint16_t>(version), out);
  decoder.finish();
}

}  // namespace eventy
