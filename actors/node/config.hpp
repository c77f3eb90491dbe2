// The node's own configuration: every key with its section and default. config/embedded.toml shows the same
// values.
#pragma once

#include <set>

#include "document.hpp"
#include "eventy/actors/node_system.hpp"
#include "eventy/adapters.hpp"
#include "eventy/client.hpp"
#include "eventy/engine/queries.hpp"
#include "log.hpp"

namespace eventy {

inline constexpr char default_folder[] = "data";  // [store] path

struct ServiceSupervision {
  SupervisionOptions parts = {};
  TurnLimits turns = {};
  friend bool operator==(const ServiceSupervision&, const ServiceSupervision&) = default;
};

struct NodeConfig {
  // [node]
  std::string id = {};  // read_config() replaces an empty one with the default
  std::size_t threads = 0;
  Duration drain_timeout{30'000};
  Duration progress_interval{200};
  // [store]; its other keys belong to the store
  std::string store_type = "embedded";
  // [topics]
  std::uint32_t partitions = 8;
  std::map<std::string, std::string> topic_names = {};  // [topics.names]: `SERVICE-ROLE` → topic
  // [start]: `SERVICE` and `SERVICE.TOPIC` → where the service begins
  std::map<std::string, StartPosition> starts = {};
  // [engine]
  Duration commit_interval = CycleOptions{}.interval;
  std::size_t max_cycle_bytes = CycleOptions{}.max_bytes;
  std::size_t max_batch_records = PollLimits{}.max_records_per_batch;
  std::size_t max_batch_bytes = PollLimits{}.max_bytes_per_batch;
  std::size_t max_batches_in_flight = BridgeOptions{}.max_batches_in_flight;
  std::size_t max_cached_keys = RuntimeOptions{}.max_cached_keys;
  std::size_t max_record_bytes = RuntimeOptions{}.max_record_bytes;
  // [failures]
  Duration durable_wait = RuntimeOptions{}.durable_wait;
  ParkingLimits parking = {};
  MisplacedLimits misplaced = {};
  // [format]
  std::string records = "json", state = "msgpack", schemas = {};
  // [serializers]: by topic, and by service for its topics
  std::map<std::string, std::string> serializers = {};
  // [namespaces]
  std::map<std::string, std::string> namespaces = {};
  // [partitioners]
  std::map<std::string, Partitioner> partitioners = {};
  // [supervision] for each service, [services.NAME.supervision] for one, [node.supervision] for the services
  ServiceSupervision supervision = {};
  std::map<std::string, ServiceSupervision> services = {};
  std::set<std::string> blocking = {};  // names of services, by [services.NAME]
  SupervisionOptions node_supervision = {.restarts = {.intensity = 0}};
  // [clients]
  ClientOptions clients = {};
  // [queries]
  QueryOptions queries = {};
  // [log]
  LogConfig log = {};

  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;

  BridgeOptions bridge_options() const;
  const ServiceSupervision& supervision_of(const std::string& service) const;
};

// Reads and checks all sections, except the other keys of the store. Rejects names that `adapters` does not
// have.
NodeConfig read_config(Document& document, const Adapters& adapters);
// A configuration that is read and checked, with the sections of the program and the keys of the store.
// Throws Failure (configuration).
struct Configured {
  Document document;
  NodeConfig config;

  // An absent function: its section is known, but not read here.
  Configured(const Config& values, const Adapters& adapters,
             const std::map<std::string, std::function<void(Section&)>>& sections);
};

// Makes the configured store; with StoreAccess::none it only checks the store's keys. The store uses `log` as
// long as it lives.
Result<std::unique_ptr<RecordStore>> make_store(Document& document, const NodeConfig& config,
                                                const Adapters& adapters, StoreAccess access,
                                                std::shared_ptr<spdlog::logger> log = {});

}  // namespace eventy
