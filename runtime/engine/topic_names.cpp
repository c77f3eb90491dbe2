// The names of topics, by service and role, and what follows from them.
#include <algorithm>
#include <stdexcept>

#include "eventy/engine/runtime.hpp"

namespace eventy {

namespace {

// The service whose topic has this default name; empty: it is none.
std::string_view service_in(std::string_view default_name) {
  for (const auto role : topic_roles) {
    const std::size_t suffix = role.size() + 1;
    if (default_name.size() > suffix && default_name.ends_with(role) &&
        default_name[default_name.size() - suffix] == '-')
      return default_name.substr(0, default_name.size() - suffix);
  }
  return {};
}

}  // namespace

TopicRole role_of(Kind kind) {
  switch (kind) {
    case Kind::request:
      return TopicRole::requests;
    case Kind::response:
      return TopicRole::responses;
    default:
      return TopicRole::events;
  }
}

std::string default_topic_name(std::string_view service, TopicRole role) {
  return std::string(service) + '-' + std::string(topic_roles[static_cast<std::size_t>(role)]);
}

std::string topic_of(const RuntimeOptions& options, std::string_view service, TopicRole role) {
  std::string name = default_topic_name(service, role);
  const auto it = options.topic_names.find(name);
  return it == options.topic_names.end() ? name : it->second;
}

std::string topic_of(const RuntimeOptions& options, Kind kind, std::string_view ns) {
  return topic_of(options, service_of(options, ns), role_of(kind));
}

std::string service_of(const RuntimeOptions& options, std::string_view ns) {
  const auto it = options.service_of_namespace.find(std::string(ns));
  if (it != options.service_of_namespace.end()) return it->second;
  return std::string(ns.starts_with("urn:") ? ns.substr(4) : ns);
}

std::set<std::string> owners_of_topic(const RuntimeOptions& options, std::string_view topic) {
  std::set<std::string> owners;
  for (const auto& [role, name] : options.topic_names)
    if (name == topic) owners.emplace(service_in(role));
  if (!options.topic_names.contains(std::string(topic))) owners.emplace(service_in(topic));
  owners.erase("");
  return owners;
}

const std::shared_ptr<const Serializer>& serializer_of(const RuntimeOptions& options,
                                                       const std::string& topic) {
  if (const auto it = options.serializers.find(topic); it != options.serializers.end()) return it->second;
  const std::shared_ptr<const Serializer>* found = nullptr;
  std::string first;
  for (const auto& owner : owners_of_topic(options, topic)) {
    const auto it = options.serializers.find(owner);
    const auto& its = it == options.serializers.end() ? options.serializer : it->second;
    if (found && *found != its)
      throw std::invalid_argument("topic \"" + topic + "\" belongs to the services " + first + " and " +
                                  owner + ", whose serializers differ: name a serializer for the topic");
    found = &its, first = owner;
  }
  return found ? *found : options.serializer;
}

}  // namespace eventy
