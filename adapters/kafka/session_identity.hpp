// The identity of a session: what it was opened with, and the names of its group, members, transactional ids
// and topics in Kafka. Its parts share it, with the client and the producer for records that are written at
// once. Owned by the session; immutable, so any thread may read it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "changelog.hpp"
#include "client.hpp"
#include "eventy/core/ids.hpp"
#include "eventy/store/rules.hpp"
#include "producer.hpp"

namespace eventy::kafka::detail {

using InputPartition = std::pair<PartitionId, TopicIndex>;  // a topic partition of an input

struct SessionIdentity {
  std::shared_ptr<Client> client;
  SessionOptions options;
  SessionShape shape;
  std::vector<Client::Limits> limits;  // by TopicIndex
  std::string session_uuid =
      random_uuid().substr(0, 13);  // of this session; with the number of a cycle it is unique
  std::shared_ptr<Producer> producer = std::make_shared<Producer>(client);

  std::string topic(TopicIndex index) const { return client->name_in_kafka(options.topics[index.value]); }
  std::string changelog() const { return client->name_in_kafka(changelog_of(options.service)); }
  std::vector<std::string> topics_in_kafka() const {  // all topics and the changelog
    std::vector<std::string> names{changelog()};
    for (const auto& name : options.topics) names.push_back(client->name_in_kafka(name));
    return names;
  }
  std::string group() const { return client->name_in_kafka(options.service); }
  std::string member() const { return member_of(options.node); }  // group.instance.id
  std::string member_of(const std::string& node) const { return group() + "-" + node; }
  // Unique in the cluster: no name of a service or node contains the separator, so no other pair of names
  // gives the same id.
  std::string transactional_id() const { return group() + '/' + options.node + "/0"; }
  std::string id_of_takeovers() const { return group() + '/' + options.node + "/takeover"; }
  // The static id of the member with this transactional id, which may have the form of earlier releases,
  // GROUP-NODE-0. Nullopt: the id is not one of this service.
  std::optional<std::string> member_with(std::string_view transactional_id) const;
  // Then the time of a commit itself counts.
  bool has_short_cycles() const {
    return options.cycle_interval && *options.cycle_interval < std::chrono::milliseconds(50);
  }
  TopicIndex lead() const { return options.inputs.front(); }
  TopicPartition in_kafka(const InputPartition& place) const {
    return {topic(place.second), static_cast<std::int32_t>(place.first.value)};
  }
  std::vector<TopicPartition> in_kafka(const std::vector<InputPartition>& places) const {
    std::vector<TopicPartition> result;
    for (const auto& place : places) result.push_back(in_kafka(place));
    return result;
  }
  // All topic partitions that these partitions of the service read.
  std::vector<InputPartition> places_of(const std::vector<PartitionId>& partitions) const {
    std::vector<InputPartition> places;
    for (const PartitionId p : partitions)
      for (const TopicIndex input : shape.inputs)
        if (p.value < shape.counts[input.value]) places.emplace_back(p, input);
    return places;
  }
  // What an operator can do about a position that is lost or wrong; for error messages.
  std::string how_to_continue() const;
  std::string how_to_accept() const;
  std::string describe(const InputPartition& place) const {  // for error messages
    return "topic " + printable(options.topics[place.second.value]) + " partition " +
           std::to_string(place.first.value);
  }
};

}  // namespace eventy::kafka::detail
