#include "runtimes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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
  for (const auto& runtime : runtimes)
    for (const auto& topic : runtime->session_options("").topics)
      topics.merge(owners_of_topic(runtime->options(), topic));
  for (const auto& entry : config.serializers)
    if (!topics.contains(entry.first))
      throw Failure(
          {ErrorCode::configuration, "[serializers] " + entry.first +
                                         ": no service of this node reads or writes this topic, and none " +
                                         "has this name. Known topics: " + known});
}

// The services of the node, those whose topics they use, and those that [namespaces] names.
std::set<std::string> known_owners(const NodeConfig& config,
                                   const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes) {
  std::set<std::string> owners;
  for (const auto& runtime : runtimes) {
    const Plan& plan = runtime->plan();
    owners.insert(plan.name);
    for (const auto& h : plan.handlers)
      if (h.records) owners.insert(service_of(runtime->options(), h.records->ns));
    for (const auto& ns : plan.requested) owners.insert(service_of(runtime->options(), ns));
  }
  for (const auto& entry : config.namespaces) owners.insert(entry.second);
  return owners;
}

// A misspelt service would silently keep its default topic.
void check_topic_names(const NodeConfig& config,
                       const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes) {
  const auto owners = known_owners(config, runtimes);
  for (const auto& [role, topic] : config.topic_names) {
    const auto is_its = [&role = role](const std::string& owner) {
      for (std::size_t r = 0; r < topic_roles.size(); ++r)
        if (role == default_topic_name(owner, static_cast<TopicRole>(r))) return true;
      return false;
    };
    if (std::any_of(owners.begin(), owners.end(), is_its)) continue;
    throw Failure({ErrorCode::configuration,
                   fmt::format("[topics.names] gives \"{}\" to the topic \"{}\", whose service is unknown. "
                               "Known services: {}; [namespaces] can name more",
                               topic, role, fmt::join(owners, ", "))});
  }
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

Failure wrong_start(const std::string& path, const std::string& what) {
  return Failure({ErrorCode::configuration, "[start] " + path + ": " + what});
}

// The paths of [start] by service. Names of services may contain dots: the longest one counts.
std::map<std::string, StartPositions> starts_of(const NodeConfig& config,
                                                const std::vector<Service>& services) {
  std::map<std::string, StartPositions> starts;
  for (const auto& [path, start] : config.starts) {
    std::string owner, known;
    for (const auto& service : services) {
      const std::string& name = service.name();
      known += (known.empty() ? "" : ", ") + name;
      if ((path == name || path.starts_with(name + ".")) && name.size() >= owner.size()) owner = name;
    }
    if (owner.empty())
      throw wrong_start(path, "no service of this node has this name. Known services: " + known);
    if (path != owner) {
      starts[owner].topics[path.substr(owner.size() + 1)] = start;
    } else if (start.at == StartPosition::At::offsets) {
      throw wrong_start(path, "offsets are those of a topic: write [start." + path + "] \"TOPIC\" = [0, 12]");
    } else {
      starts[owner].common = start;
    }
  }
  return starts;
}

// A misspelt topic would silently be read from the earliest record.
void check_starts(const ServiceRuntime& runtime) {
  const auto session = runtime.session_options("");
  std::set<std::string> inputs;
  for (const auto* list : {&session.inputs, &session.independent_inputs})
    for (const TopicIndex input : *list) inputs.insert(session.topics[input.value]);
  for (const auto& entry : session.start.topics)
    if (!inputs.contains(entry.first))
      throw wrong_start(
          runtime.plan().name + "." + entry.first,
          fmt::format("the service does not read this topic. It reads: {}", fmt::join(inputs, ", ")));
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

RuntimeOptions runtime_options(const std::vector<Service>& services, const NodeConfig& config,
                               const Adapters& adapters, std::shared_ptr<spdlog::logger> log) {
  const NodeSerializers formats(config, adapters);
  RuntimeOptions options{.serializer = formats.common,
                         .serializers = formats.named,
                         .state_format = adapters.state_formats.at(config.state),
                         .service_of_namespace = config.namespaces,
                         .partitioners = config.partitioners,
                         .topic_names = config.topic_names,
                         .max_record_bytes = config.max_record_bytes,
                         .max_cached_keys = config.max_cached_keys,
                         .durable_wait = config.durable_wait,
                         .parking = config.parking,
                         .misplaced = config.misplaced,
                         .log = std::move(log)};
  for (const auto& service : services)
    if (service.plan().ns != "urn:" + service.name())
      options.service_of_namespace.emplace(service.plan().ns, service.name());
  return options;
}

std::vector<std::shared_ptr<const ServiceRuntime>> make_runtimes(const std::vector<Service>& services,
                                                                 const NodeConfig& config,
                                                                 const Adapters& adapters,
                                                                 std::shared_ptr<spdlog::logger> log) {
  RuntimeOptions options = runtime_options(services, config, adapters, std::move(log));
  options.starts = starts_of(config, services);
  std::vector<std::shared_ptr<const ServiceRuntime>> runtimes;
  std::set<std::string> names;
  for (const auto& service : services) {
    if (!names.insert(service.name()).second)
      throw std::invalid_argument("two services have the name " + service.name());
    runtimes.push_back(std::make_shared<const ServiceRuntime>(service, options));
    check_outputs(*runtimes.back());
    check_starts(*runtimes.back());
  }
  check_topic_names(config, runtimes);
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
