// The services of a node with their configured formats, topics, partitioners and limits, checked against each
// other.
#pragma once

#include "config.hpp"
#include "serializers.hpp"

namespace spdlog {
class logger;
}

namespace eventy {

// The serializers that the configuration names.
struct NodeSerializers {
  std::shared_ptr<const Serializer> common;
  std::map<std::string, std::shared_ptr<const Serializer>> named = {};

  NodeSerializers(const NodeConfig& config, const Adapters& adapters) {
    const FormatOptions options{.schemas = config.schemas};
    common = make_serializer(adapters, config.records, options).value();
    for (const auto& [name, formats] : config.serializers)
      named[name] = make_serializer(adapters, formats, options).value();
  }
};

// For all services of a node and its clients: how the topics of the services are named, read and written, as
// the configuration says. The namespaces of `services` are known to each other.
RuntimeOptions runtime_options(const std::vector<Service>& services, const NodeConfig& config,
                               const Adapters& adapters, std::shared_ptr<spdlog::logger> log);

// Throws Failure (configuration) that names what does not fit, and std::invalid_argument for two services
// with the same name. Runtimes that are only checked need no log.
std::vector<std::shared_ptr<const ServiceRuntime>> make_runtimes(const std::vector<Service>& services,
                                                                 const NodeConfig& config,
                                                                 const Adapters& adapters,
                                                                 std::shared_ptr<spdlog::logger> log);

// The one of the service with this name. Throws std::invalid_argument if there is none.
const ServiceRuntime& runtime_named(const std::string& name,
                                    const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes);

}  // namespace eventy
