#include "config.hpp"

#include "eventy/core/date.hpp"
#include "node_id.hpp"
#include "serializers.hpp"

#include <algorithm>

namespace eventy {

namespace {

template <class Map>
std::vector<std::string> names_in(const Map& map) {
  std::vector<std::string> names;
  for (const auto& entry : map) names.push_back(entry.first);
  return names;
}

// A text that must be one of `names`.
std::string one_of(Section& section, std::string_view key, const std::string& default_value,
                   const std::vector<std::string>& names) {
  auto value = section.text(key, default_value);
  std::string known;
  for (const auto& name : names) {
    if (name == value) return value;
    known += (known.empty() ? "" : ", ") + name;
  }
  const auto near = nearest(value, names);
  section.fail(key, "is \"" + value + "\"" +
                        (near ? "; did you mean \"" + *near + "\"?" : ", which is unknown.") +
                        " Known: " + (known.empty() ? "none" : known));
}

std::string known_serializer(Section& section, std::string_view key, const std::string& names,
                             const NodeConfig& config, const Adapters& adapters) {
  if (const auto made = make_serializer(adapters, names, {.schemas = config.schemas}); !made)
    section.fail(key, "is \"" + names + "\": " + made.error().message);
  return names;
}

// `SERVICE.ROLE` as the default name of the topic.
std::string default_name(Section& names, const std::string& key) {
  const auto dot = key.rfind('.');
  const std::string role = dot == key.npos ? key : key.substr(dot + 1);
  const std::vector<std::string> roles(topic_roles.begin(), topic_roles.end());
  const auto known = std::find(roles.begin(), roles.end(), role);
  if (known == roles.end() || dot == key.npos || dot == 0) {
    const auto near = nearest(role, roles);
    names.fail("names", "has \"" + key + "\", which is no SERVICE.ROLE" +
                            (near && *near != role ? "; did you mean \"" + *near + "\"?" : "") +
                            " Known roles: requests, events, responses, dead-letters, returns");
  }
  return default_topic_name(key.substr(0, dot), static_cast<TopicRole>(known - roles.begin()));
}

void read_topics(Section s, NodeConfig& c) {
  c.partitions = static_cast<std::uint32_t>(s.integer("partitions", c.partitions, 1, 100'000));
  for (const auto& [key, topic] : s.properties("names")) {
    if (topic.empty()) s.fail("names", "has no topic for \"" + key + "\"");
    c.topic_names[default_name(s, key)] = topic;
  }
  s.finish();
}

StartPosition start_of(Section& s, const std::string& path, const Section::Setting& setting) {
  using At = StartPosition::At;
  if (setting.integers) {
    StartPosition start{.at = At::offsets};
    for (const auto offset : *setting.integers) {
      if (offset < 0) s.fail(path, "has the offset " + std::to_string(offset) + ", which is negative");
      start.offsets.push_back(Offset{offset});
    }
    return start;
  }
  if (setting.text == "earliest") return {};
  if (setting.text == "latest") return {.at = At::latest};
  for (const auto* rest : {"", "T00:00:00Z"})
    if (const auto date = parse_iso8601(setting.text + rest)) return {.at = At::date, .date = *date};
  s.fail(path,
         "is \"" + setting.text +
             "\"; it must be \"earliest\", \"latest\", a date such as \"2026-01-31\" or " +
             "\"2026-01-31T12:00:00+01:00\", or, of a topic, a list of offsets, one for each partition");
}

void read_starts(Section s, NodeConfig& c) {
  for (const auto& [path, setting] : s.settings()) c.starts[path] = start_of(s, path, setting);
  s.finish();
}

void read_engine(Section s, NodeConfig& c) {
  c.commit_interval = s.milliseconds("commit_interval_ms", c.commit_interval);
  c.max_cycle_bytes = s.size("max_cycle_bytes", c.max_cycle_bytes, 1);
  c.max_batch_records = s.size("max_batch_records", c.max_batch_records, 1);
  c.max_batch_bytes = s.size("max_batch_bytes", c.max_batch_bytes, 1);
  c.max_batches_in_flight = s.size("max_batches_in_flight", c.max_batches_in_flight, 1);
  c.max_cached_keys = s.size("max_cached_keys", c.max_cached_keys);
  c.max_record_bytes = s.size("max_record_bytes", c.max_record_bytes, 1);
  s.finish();
}

void read_failures(Section s, NodeConfig& c) {
  c.durable_wait = s.milliseconds("durable_wait_ms", c.durable_wait);
  c.parking.records_per_key = s.size("max_parked_records_per_key", c.parking.records_per_key);
  c.parking.records = s.size("max_parked_records", c.parking.records);
  c.parking.bytes = s.size("max_parked_bytes", c.parking.bytes);
  c.parking.record_bytes = s.size("max_parked_record_bytes", c.parking.record_bytes);
  c.misplaced.records = s.size("misplaced_records", c.misplaced.records);
  c.misplaced.percent = static_cast<unsigned>(s.integer("misplaced_percent", c.misplaced.percent, 0, 100));
  s.finish();
}

void read_clients(Section s, ClientOptions& o) {
  o.max_pending_bytes = s.size("max_pending_bytes", o.max_pending_bytes, 1);
  o.max_requests = s.size("max_requests", o.max_requests, 1);
  s.finish();
}

void read_queries(Section s, QueryOptions& o) {
  o.threads = static_cast<std::size_t>(s.integer("threads", static_cast<std::int64_t>(o.threads), 1, 1024));
  o.max_questions = s.size("max_questions", o.max_questions, 1);
  o.limit = s.milliseconds("limit_ms", o.limit);
  s.finish();
}

std::map<std::string, Partitioner> read_partitioners(Section s) {
  std::map<std::string, Partitioner> partitioners;
  for (const auto& [topic, name] : s.texts())
    partitioners[topic] = *partitioner_named(one_of(s, topic, name, {"crc32", "murmur2", "fnv1a"}));
  return partitioners;
}

// Missing keys keep the value of `o`.
void read_restarts(Section& s, SupervisionOptions& o) {
  const std::vector<std::string> names(strategy_names.begin(), strategy_names.end());
  const auto name = one_of(s, "strategy", names[static_cast<std::size_t>(o.strategy)], names);
  o.strategy = static_cast<Strategy>(std::find(names.begin(), names.end(), name) - names.begin());
  auto& r = o.restarts;
  r.intensity = static_cast<int>(s.integer("intensity", r.intensity, 0, 1'000'000));
  r.period = s.milliseconds("period_ms", r.period);
  r.first_backoff = s.milliseconds("first_backoff_ms", r.first_backoff);
  r.max_backoff = s.milliseconds("max_backoff_ms", r.max_backoff);
  r.reset_backoff_after = s.milliseconds("reset_backoff_after_ms", r.reset_backoff_after);
  if (r.max_backoff < r.first_backoff) s.fail("max_backoff_ms", "must not be less than first_backoff_ms");
}

void read_supervision(Section s, ServiceSupervision& o) {
  read_restarts(s, o.parts);
  o.turns.warning = s.milliseconds("handler_warning_ms", o.turns.warning);
  o.turns.limit = s.milliseconds("handler_limit_ms", o.turns.limit);
  if (o.turns.limit > Duration(0) && o.turns.limit < o.turns.warning)
    s.fail("handler_limit_ms", "must not be less than handler_warning_ms, or 0: no limit");
  s.finish();
}

void read_services(Section s, NodeConfig& c) {
  for (const auto& name : s.names({"supervision", "blocking"})) {
    Section service = s.table(name);
    auto& supervision = c.services.emplace(name, c.supervision).first->second;
    read_supervision(service.table("supervision"), supervision);
    if (service.boolean("blocking", false)) c.blocking.insert(name);
    service.finish();
  }
  s.finish();
}

void read_log(Section s, LogConfig& c) {
  c.level = one_of(s, "level", c.level, {"trace", "debug", "info", "warning", "error", "off"});
  c.format = one_of(s, "format", c.format, {"text", "json"});
  c.to = s.text("to", c.to);
  if (c.to.empty()) s.fail("to", R"(must not be empty: "stderr", "stdout" or the path of a file)");
  if (const auto near = nearest(c.to, {"stderr", "stdout"});
      near && *near != c.to && c.to.find('/') == c.to.npos)
    s.fail("to", "is \"" + c.to + "\"; did you mean \"" + *near + "\"? A file of this name is written \"./" +
                     c.to + "\"");
  c.max_file_bytes = s.size("max_file_bytes", c.max_file_bytes, 1);
  c.max_files =
      static_cast<std::size_t>(s.integer("max_files", static_cast<std::int64_t>(c.max_files), 0, 1000));
  s.finish();
}

}  // namespace

NodeConfig read_config(Document& document, const Adapters& adapters) {
  NodeConfig c;
  Section node = document.section("node");
  c.id = node.text("id", c.id);
  if (c.id.empty()) c.id = default_node_id(document.text_at("store", "path").value_or(default_folder));
  if (!is_node_id(c.id))
    node.fail("id", "must be letters, digits, '.', '_' and '-', at most " + std::to_string(longest_node_id));
  c.threads = static_cast<std::size_t>(node.integer("threads", 0, 0, 1024));
  c.drain_timeout = node.milliseconds("drain_timeout_ms", c.drain_timeout);
  c.progress_interval = node.milliseconds("progress_ms", c.progress_interval);
  Section services = node.table("supervision");
  read_restarts(services, c.node_supervision);
  services.finish();
  node.finish();

  Section store = document.section("store");
  c.store_type = one_of(store, "type", c.store_type, names_in(adapters.stores));

  read_topics(document.section("topics"), c);

  read_starts(document.section("start"), c);
  read_engine(document.section("engine"), c);
  read_failures(document.section("failures"), c);
  read_clients(document.section("clients"), c.clients);
  read_queries(document.section("queries"), c.queries);

  Section format = document.section("format");
  c.schemas = format.text("schemas", c.schemas);
  c.records = known_serializer(format, "records", format.text("records", c.records), c, adapters);
  c.state = one_of(format, "state", c.state, names_in(adapters.state_formats));
  format.finish();

  Section serializers = document.section("serializers");
  for (const auto& [name, formats] : serializers.texts())
    c.serializers[name] = known_serializer(serializers, name, formats, c, adapters);

  c.namespaces = document.section("namespaces").texts();
  c.partitioners = read_partitioners(document.section("partitioners"));
  read_supervision(document.section("supervision"), c.supervision);
  read_services(document.section("services"), c);

  read_log(document.section("log"), c.log);
  return c;
}

Configured::Configured(const Config& values, const Adapters& adapters,
                       const std::map<std::string, std::function<void(Section&)>>& sections)
    : document(values), config(read_config(document, adapters)) {
  for (const auto& [name, read] : sections) {
    Section section = document.section(name);
    if (!read) continue;
    read(section);
    section.finish();
  }
  make_store(document, config, adapters, StoreAccess::none).value();
  document.finish();
}

Result<std::unique_ptr<RecordStore>> make_store(Document& document, const NodeConfig& config,
                                                const Adapters& adapters, StoreAccess access,
                                                std::shared_ptr<spdlog::logger> log) {
  Section section = document.section("store");
  return adapters.stores.at(config.store_type)(
      section, NodeOptions{config.id, access, [&](const std::string& name) { return document.section(name); },
                           std::move(log)});
}

BridgeOptions NodeConfig::bridge_options() const {
  return {.cycle = {.interval = commit_interval, .max_bytes = max_cycle_bytes},
          .poll = {.max_bytes_per_batch = max_batch_bytes, .max_records_per_batch = max_batch_records},
          .max_batches_in_flight = max_batches_in_flight};
}

const ServiceSupervision& NodeConfig::supervision_of(const std::string& service) const {
  const auto it = services.find(service);
  return it == services.end() ? supervision : it->second;
}

}  // namespace eventy
