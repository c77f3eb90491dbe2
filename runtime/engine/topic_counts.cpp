#include "eventy/engine/topic_counts.hpp"

#include <algorithm>

#include "eventy/store/rules.hpp"

namespace eventy {

namespace {

using Runtimes = std::vector<std::shared_ptr<const ServiceRuntime>>;

std::string quoted(const std::string& topic) { return '"' + printable(topic) + '"'; }

std::string count_in_words(std::uint32_t count) {
  return std::to_string(count) + (count == 1 ? " partition" : " partitions");
}

// The names of the topics that a service reads together, the request topic first.
std::vector<std::string> read_together(const ServiceRuntime& runtime) {
  const SessionOptions session = runtime.session_options("");
  std::vector<std::string> names;
  for (const TopicIndex input : session.inputs) names.push_back(session.topics[input.value]);
  return names;
}

bool is_own(const std::string& topic, const ServiceRuntime& runtime) {
  return owners_of_topic(runtime.options(), topic).contains(runtime.plan().name);
}

// Sets of topics that need one partition count, of all services together: a topic that two services read ties
// what each of them reads with it.
class Groups {
 public:
  void join(const std::string& a, const std::string& b) { parent_[root(a)] = root(b); }
  std::string root(const std::string& topic) {
    const auto known = parent_.emplace(topic, topic).first->second;
    return known == topic ? topic : root(known);
  }

 private:
  std::map<std::string, std::string> parent_ = {};
};

// Most often Kafka made the topic with one partition, when a program first asked for it.
std::string hint_for(const std::string& topic, std::uint32_t count) {
  if (count > 1) return "";
  return "; " + quoted(topic) +
         " has the count that brokers give to a topic which they create at its first use "
         "(auto.create.topics.enable, num.partitions): if that made it, delete it while it is empty, and the "
         "node creates it with the right count";
}

class Counts {
 public:
  Counts(const Runtimes& runtimes, const std::vector<TopicSpec>& existing, std::uint32_t partitions)
      : partitions_(partitions) {
    for (const auto& topic : existing) existing_[topic.name] = topic.partitions;
    for (const auto& runtime : runtimes) {
      const auto together = read_together(*runtime);
      for (const auto& topic : together) groups_.join(topic, together.front());
    }
  }

  Result<void> find_counts(const ServiceRuntime& runtime) {
    for (const auto& topic : read_together(runtime)) {
      const auto it = existing_.find(topic);
      if (it == existing_.end()) continue;
      const auto [first, is_first] = counts_.try_emplace(groups_.root(topic), Known{topic, it->second});
      if (!is_first && first->second.count != it->second)
        return different(runtime, first->second, {topic, it->second});
    }
    return {};
  }

  bool is_known_for(const ServiceRuntime& runtime) {
    return counts_.contains(groups_.root(read_together(runtime).front()));
  }

  // The count of a topic that exists, else the one that it gets, and all that is read together with it.
  std::uint32_t count_for(const std::string& topic, const ServiceRuntime& user) {
    if (const auto there = existing_.find(topic); there != existing_.end()) return there->second;
    const std::string root = groups_.root(topic);
    if (const auto known = counts_.find(root); known != counts_.end()) return known->second.count;
    const std::uint32_t count = is_own(topic, user) ? count_of_service(user) : partitions_;
    counts_.emplace(root, Known{topic, count});
    return count;
  }

 private:
  struct Known {
    std::string topic;
    std::uint32_t count;
  };

  // Of what a service reads together. One without state reads each topic alone; its request topic has as many
  // as the largest one, so that a request to release a parked key reaches each partition.
  std::uint32_t count_of_service(const ServiceRuntime& runtime) {
    const SessionOptions session = runtime.session_options("");
    const auto known = counts_.find(groups_.root(session.topics[session.inputs.front().value]));
    if (known != counts_.end()) return known->second.count;
    std::uint32_t largest = 0;
    if (!runtime.plan().state)
      for (const TopicIndex input : session.independent_inputs)
        if (const auto it = existing_.find(session.topics[input.value]); it != existing_.end())
          largest = std::max(largest, it->second);
    return largest > 0 ? largest : partitions_;
  }

  static Error different(const ServiceRuntime& runtime, const Known& a, const Known& b) {
    return {ErrorCode::invalid_argument,
            "service " + quoted(runtime.plan().name) + ": topics that are read together need equal " +
                "partition counts, because a key and its state belong to one partition, but " +
                quoted(a.topic) + " has " + count_in_words(a.count) + " and " + quoted(b.topic) + " has " +
                count_in_words(b.count) + hint_for(a.topic, a.count) + hint_for(b.topic, b.count)};
  }

  std::uint32_t partitions_;
  std::map<std::string, std::uint32_t> existing_ = {};
  Groups groups_ = {};
  std::map<std::string, Known> counts_ = {};  // by the root of a group
};

}  // namespace

Result<std::vector<TopicSpec>> topics_of(const Runtimes& runtimes, const std::vector<TopicSpec>& existing,
                                         std::uint32_t partitions) {
  Counts counts(runtimes, existing, partitions);
  for (const auto& runtime : runtimes)
    if (auto found = counts.find_counts(*runtime); !found) return found.error();
  std::map<std::string, std::uint32_t> all;
  const auto add = [&](const ServiceRuntime& user, bool own) {
    for (const auto& topic : user.session_options("").topics)
      if (is_own(topic, user) == own) all.try_emplace(topic, counts.count_for(topic, user));
  };
  // The own topics of the services first, of those with a known count before others: what one of them writes
  // may give a count to the next.
  for (Runtimes left = runtimes; !left.empty();) {
    auto next =
        std::find_if(left.begin(), left.end(), [&](const auto& r) { return counts.is_known_for(*r); });
    if (next == left.end()) next = left.begin();
    add(**next, true);
    left.erase(next);
  }
  for (const auto& runtime : runtimes) add(*runtime, false);
  std::vector<TopicSpec> specs;
  for (const auto& [name, count] : all) specs.push_back({name, count});
  return specs;
}

}  // namespace eventy
