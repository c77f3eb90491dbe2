#include "runtimes.hpp"

#include <fmt/format.h>

#include <set>

namespace eventy {

namespace {

// A misspelt topic would silently keep the default, and its keys would be in other partitions.
void check_topics(const NodeConfig& config,
                  const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes) {
  std::set<std::string> topics;
  for (const auto& runtime : runtimes)
    for (const auto& topic : runtime->session_options("").topics) topics.insert(topic);
  std::string known;
  for (const auto& topic : topics) known += (known.empty() ? "" : ", ") + topic;
  for (const auto& entry : config.partitioners)
    if (!topics.contains(entry.first))
      throw Failure({ErrorCode::configuration,
                     "[partitioners] " + entry.first +
                         ": no service of this node reads or writes this topic. Known topics: " + known});
  for (const auto& topic : std::set(topics)) topics.emplace(owner_of_topic(topic));
  for (const auto& entry : config.serializers)
    if (!topics.contains(entry.first))
      throw Failure(
          {ErrorCode::configuration, "[serializers] " + entry.first +
                                         ": no service of this node reads or writes this topic, and none " +
                                         "has this name. Known topics: " + known});
}

// A misspelt service would silently keep the values of [supervision].
void check_services(const NodeConfig& config, const std::set<std::string>& names) {
  std::string known;
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
  for (const auto& entry : config.services)
    if (!names.contains(entry.first))
      throw Failure({ErrorCode::configuration,
                     "[services." + entry.first +
                         "]: no service of this node has this name. Known services: " + known});
}

// Records that are known to be written must have a schema if the format needs one.
void check_outputs(const ServiceRuntime& runtime) {
  for (const auto& output : runtime.plan().outputs) {
    const auto topic = runtime.output_topic(output.kind, output.ns);
    if (!topic) continue;
    const auto& serializer = runtime.serializer(*topic);
    if (const auto why = serializer.cannot_write(output.kind, output.ns, output.name))
      throw Failure({ErrorCode::configuration,
                     fmt::format("service {} writes {} to {} as {}: {}; the folder of schemas is set by "
                                 "[format] schemas",
                                 runtime.plan().name, output.name, runtime.topic_name(*topic),
                                 serializer.name(), *why)});
  }
}

}  // namespace

RuntimeOptions runtime_options(const NodeConfig& config, const Adapters& adapters,
                               std::shared_ptr<spdlog::logger> log) {
  const NodeSerializers formats(config, adapters);
  return {.serializer = formats.common,
          .serializers = formats.named,
          .state_format = adapters.state_formats.at(config.state),
          .service_of_namespace = config.namespaces,
          .partitioners = config.partitioners,
          .max_record_bytes = config.max_record_bytes,
          .max_cached_keys = config.max_cached_keys,
          .durable_wait = config.durable_wait,
          .parking = config.parking,
          .misplaced = config.misplaced,
          .log = std::move(log)};
}

std::vector<std::shared_ptr<const ServiceRuntime>> make_runtimes(const std::vector<Service>& services,
                                                                 const NodeConfig& config,
                                                                 const Adapters& adapters,
                                                                 std::shared_ptr<spdlog::logger> log) {
  const RuntimeOptions options = runtime_options(config, adapters, std::move(log));
  std::vector<std::shared_ptr<const ServiceRuntime>> runtimes;
  std::set<std::string> names;
  for (const auto& service : services) {
    if (!names.insert(service.name()).second)
      throw std::invalid_argument("two services have the name " + service.name());
    runtimes.push_back(std::make_shared<const ServiceRuntime>(service, options));
    check_outputs(*runtimes.back());
  }
  check_topics(config, runtimes);
  check_services(config, names);
  return runtimes;
}

const ServiceRuntime& runtime_named(const std::string& name,
                                    const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes) {
  for (const auto& runtime : runtimes)
    if (runtime->plan().name == name) return *runtime;
  throw std::invalid_argument("there is no service " + name);
}

}  // namespace eventy
