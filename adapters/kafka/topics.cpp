// Topics: which ones exist, their creation, and whether existing ones fit a service.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <thread>

#include "client.hpp"
#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr int round_ms = 250;  // per request, so that a refusal shows long before the timeout
// Without an answer of any broker since the start, until the first warning and between warnings. A cluster in
// order answers within a few milliseconds.
constexpr std::chrono::milliseconds first_silence{1'000}, silence_again{10'000};
constexpr std::chrono::milliseconds creation_pause{20};
// Until brokers list a topic that the controller has created: no request waits for that, so a short request
// timeout must not cut it short.
constexpr std::chrono::milliseconds max_until_listed{15'000};
constexpr std::size_t envelope_size = 64u << 10;  // of a record beside its value, at most

std::optional<std::int64_t> number(const std::map<std::string, std::string>& settings, const char* name) {
  const auto it = settings.find(name);
  if (it == settings.end()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(it->second.data(), it->second.data() + it->second.size(), value);
  if (error != std::errc() || end != it->second.data() + it->second.size()) return std::nullopt;
  return value;
}

std::string text(const std::map<std::string, std::string>& settings, const char* name) {
  const auto it = settings.find(name);
  return it == settings.end() ? "" : it->second;
}

std::string quoted(const std::string& topic) { return "topic " + printable(topic); }

}  // namespace

Result<void> check_name(const std::string& name) {
  const bool good = name.size() <= 249 && name != "." && name != ".." &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) || c == '.' || c == '_' || c == '-';
                    });
  if (good) return {};
  return Error{
      ErrorCode::invalid_argument,
      "Kafka: " + printable(name) + ": a name is made of at most 249 letters, digits, '.', '_' and '-'"};
}

void Client::log_warning(const std::string& text) const {
  if (options_.log) options_.log->warn("{}", text);
}

void Client::log_error(const std::string& text) const {
  if (options_.log) options_.log->error("{}", text);
}

// --- existing topics ---

Result<Metadata> Client::metadata() {
  auto handle = admin();
  if (!handle) return handle.error();
  const auto began = std::chrono::steady_clock::now();
  auto next_warning = began + first_silence;
  for (;;) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto code = rd_kafka_metadata(*handle, 1, nullptr, &metadata, std::min(round_ms, timeout_ms()));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      reports_->answered();
      return Metadata(metadata);
    }
    const auto heard = trouble();
    const auto now = std::chrono::steady_clock::now();
    if ((heard && heard->refused) || now > began + options_.request_timeout)
      return failed(code, "cannot list topics at " + options_.bootstrap);
    if (now < next_warning || reports_->has_answered()) continue;
    next_warning = now + silence_again;
    warn_of_silence(std::chrono::floor<std::chrono::seconds>(now - began), heard);
  }
}

// Most often the address is wrong, and nobody wants to wait for the timeout to learn it.
void Client::warn_of_silence(std::chrono::seconds silence,
                             const std::optional<Reports::Trouble>& heard) const {
  log_warning("Kafka: no broker at \"" + printable(options_.bootstrap) + "\" has answered for " +
              std::to_string(silence.count()) + " s: " + (heard ? heard->text : "nothing is heard from it") +
              "; retrying until request_timeout_ms (" + std::to_string(timeout_ms()) +
              ") is over; check [kafka] bootstrap, and that the broker runs");
}

Result<std::map<std::string, std::uint32_t>> Client::topics() {
  auto listed = metadata();
  if (!listed) return listed.error();
  const Metadata metadata = *std::move(listed);
  std::map<std::string, std::uint32_t> found;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const std::string_view name = metadata->topics[i].topic;
    if (metadata->topics[i].partition_cnt == 0 || !name.starts_with(options_.prefix) ||
        name.starts_with("__"))
      continue;
    found[std::string(name.substr(options_.prefix.size()))] =
        static_cast<std::uint32_t>(metadata->topics[i].partition_cnt);
  }
  std::lock_guard lock(mutex_);
  known_ = found;
  limits_.clear();
  return found;
}

Result<std::optional<std::uint32_t>> Client::partitions_of(const std::string& topic) {
  {
    std::lock_guard lock(mutex_);
    if (const auto it = known_.find(topic); it != known_.end()) return std::optional(it->second);
  }
  auto all = topics();
  if (!all) return all.error();
  const auto it = all->find(topic);
  return it == all->end() ? std::nullopt : std::optional(it->second);
}

Result<std::map<std::string, Client::Settings>> Client::settings_of(const std::vector<std::string>& topics) {
  std::map<std::string, Settings> found;
  if (topics.empty()) return found;
  auto handle = admin();
  if (!handle) return handle.error();
  std::vector<ConfigResource> owners;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const auto& topic : topics) {
    owners.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name_in_kafka(topic).c_str()));
    asked.push_back(owners.back().get());
  }
  const Queue queue(rd_kafka_queue_new(*handle));
  const AdminOptions how(rd_kafka_AdminOptions_new(*handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  never_time_out(how);
  rd_kafka_DescribeConfigs(*handle, asked.data(), asked.size(), how.get(), queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), timeout_ms()));
  const std::string what = "cannot read the configuration of topics";
  if (!event) return failed(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (const auto code = rd_kafka_event_error(event.get()))
    return failed(code, what, rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name =
        std::string(rd_kafka_ConfigResource_name(resources[i])).substr(options_.prefix.size());
    if (const auto code = rd_kafka_ConfigResource_error(resources[i])) {
      if (options_.log)
        options_.log->debug("{}: its configuration cannot be read: {}", quoted(name), rd_kafka_err2str(code));
      continue;
    }
    std::size_t entries = 0;
    const auto** list = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (std::size_t e = 0; e < entries; ++e)
      if (const char* value = rd_kafka_ConfigEntry_value(list[e]))
        found[name][rd_kafka_ConfigEntry_name(list[e])] = value;
  }
  return found;
}

Result<std::vector<Client::Limits>> Client::limits_of(const std::vector<std::string>& topics) {
  std::vector<std::string> unknown;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& topic : topics)
      if (!limits_.contains(topic)) unknown.push_back(topic);
  }
  auto settings = settings_of(unknown);
  if (!settings) return settings.error();
  const std::lock_guard lock(mutex_);
  for (const auto& topic : unknown) {
    Limits& limits = limits_[topic];
    const Settings& told = (*settings)[topic];
    if (const auto max = number(told, "max.message.bytes"))
      limits.batch_bytes = static_cast<std::size_t>(std::max<std::int64_t>(*max, 0));
    if (const auto retention = number(told, "delete.retention.ms"))
      limits.delete_retention = Duration(*retention);
    if (const auto max = number(told, "message.timestamp.after.max.ms")) limits.max_ahead = Duration(*max);
    if (const auto max = number(told, "message.timestamp.before.max.ms")) limits.max_behind = Duration(*max);
    if (const auto policy = text(told, "cleanup.policy"); !policy.empty())
      limits.is_compacted = policy.find("compact") != policy.npos;
  }
  std::vector<Limits> result;
  for (const auto& topic : topics) result.push_back(limits_[topic]);
  return result;
}

Result<Client::Limits> Client::limits_of(const std::string& topic) {
  auto limits = limits_of(std::vector<std::string>{topic});
  if (!limits) return limits.error();
  return limits->at(0);
}

// The broker tells neither its date nor which limit the record broke, so the message names both. The limit
// for earlier dates is off by default: it has the largest value.
Error Client::wrong_clock(const std::string& topic_in_kafka) {
  const auto limits = limits_of(topic_in_kafka.substr(options_.prefix.size()));
  std::string off, settings;
  const auto add = [&](const std::optional<Duration>& max, const char* where, const char* setting) {
    if (!max || *max == Duration::max()) return;
    off += (off.empty() ? "more than " : ", or more than ") + std::to_string(max->count()) + " ms " + where +
           " the broker's";
    settings += (settings.empty() ? "" : ", ") + std::string(setting) + "=" + std::to_string(max->count());
  };
  if (limits) {
    add(limits->max_ahead, "ahead of", "message.timestamp.after.max.ms");
    add(limits->max_behind, "behind", "message.timestamp.before.max.ms");
  }
  if (off.empty()) off = "too far from the broker's", settings = "message.timestamp.after.max.ms";
  return {ErrorCode::clock, "Kafka: the clock of this machine is " + off + ": " + quoted(topic_in_kafka) +
                                " takes no records with its date (" + settings +
                                "); set the clock right, and the node continues (INVALID_TIMESTAMP)"};
}

// --- creating ---

Result<void> Client::ensure(const std::vector<TopicSpec>& wanted, Cleanup cleanup) {
  auto there = topics();
  if (!there) return there.error();
  std::vector<NewTopic> absent;
  std::vector<std::string> present;
  CreatedTopics made;
  for (const auto& spec : wanted) {
    if (auto checked = check_topic(spec); !checked) return checked;
    if (auto name = check_name(name_in_kafka(spec.name)); !name) return name;
    if (const auto known = there->find(spec.name); known != there->end()) {
      if (known->second != spec.partitions)
        return wrong_partition_count(spec.name, known->second, spec.partitions);
      present.push_back(spec.name);
      continue;
    }
    const auto [other, fresh] = made.emplace(spec.name, spec.partitions);
    if (!fresh && other->second != spec.partitions)
      return wrong_partition_count(spec.name, other->second, spec.partitions);
    if (!fresh) continue;
    auto topic = new_topic(spec, cleanup);
    if (!topic) return topic.error();
    absent.push_back(*std::move(topic));
  }
  if (auto checked = check_settings(present, cleanup); !checked) return checked;
  if (absent.empty()) return {};
  if (auto created = create(absent); !created) return created;
  return wait_for(made);
}

Result<NewTopic> Client::new_topic(const TopicSpec& spec, Cleanup cleanup) const {
  char why[512];
  NewTopic topic(rd_kafka_NewTopic_new(name_in_kafka(spec.name).c_str(), static_cast<int>(spec.partitions),
                                       options_.replication, why, sizeof why));
  if (!topic) return Error{ErrorCode::invalid_argument, quoted(spec.name) + ": " + why};
  const auto set = [&](const char* name, const std::string& value) {
    (void)rd_kafka_NewTopic_set_config(topic.get(), name, value.c_str());
  };
  set("max.message.bytes", std::to_string(options_.max_record_bytes + envelope_size));
  if (cleanup == Cleanup::compact) {
    set("cleanup.policy", "compact");
  } else {
    set("cleanup.policy", "delete"), set("retention.ms", "-1"), set("retention.bytes", "-1");
  }
  return topic;
}

Result<void> Client::create(const std::vector<NewTopic>& topics) {
  auto handle = admin();
  if (!handle) return handle.error();
  std::vector<rd_kafka_NewTopic_t*> asked;
  for (const auto& topic : topics) asked.push_back(topic.get());
  const Queue queue(rd_kafka_queue_new(*handle));
  const AdminOptions how(rd_kafka_AdminOptions_new(*handle, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  char why[512];
  never_time_out(how);
  (void)rd_kafka_AdminOptions_set_operation_timeout(how.get(), timeout_ms(), why, sizeof why);
  rd_kafka_CreateTopics(*handle, asked.data(), asked.size(), how.get(), queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), timeout_ms()));
  if (!event) return failed(RD_KAFKA_RESP_ERR__TIMED_OUT, "cannot create topics");
  if (const auto code = rd_kafka_event_error(event.get()))
    return failed(code, "cannot create topics", rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const std::string name = rd_kafka_topic_result_name(results[i]);
    // The cluster does not list topics that the node may not see.
    const bool hidden = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    const char* told = rd_kafka_topic_result_error_string(results[i]);
    return failed(
        code, std::string(hidden ? "no permission to see or create topic " : "cannot create topic ") + name,
        told ? told : "");
  }
  return {};
}

// Another node may have created some with another count, and brokers learn of new topics one after the other.
Result<void> Client::wait_for(const CreatedTopics& created) {
  const auto most = std::max<std::chrono::milliseconds>(options_.request_timeout, max_until_listed);
  const auto deadline = std::chrono::steady_clock::now() + most;
  for (;;) {
    auto there = topics();
    if (!there) return there.error();
    std::string missing;
    for (const auto& [name, partitions] : created) {
      const auto it = there->find(name);
      if (it == there->end()) missing = name;
      if (it != there->end() && it->second != partitions)
        return wrong_partition_count(name, it->second, partitions);
    }
    if (missing.empty()) return {};
    if (std::chrono::steady_clock::now() > deadline)
      return Error{ErrorCode::timed_out, "Kafka: topic " + printable(missing) +
                                             " was created, and the cluster does not list it within " +
                                             std::to_string(most.count()) +
                                             " ms: check that its brokers reach the controller"};
    std::this_thread::sleep_for(creation_pause);
  }
}

// --- comparing ---

Result<void> Client::still_there(const std::vector<TopicSpec>& expected) {
  auto there = topics();
  if (!there) return there.error();
  for (const auto& spec : expected) {
    const auto it = there->find(spec.name);
    if (it == there->end())
      return Error{ErrorCode::not_found, quoted(name_in_kafka(spec.name)) +
                                             " does not exist any more, or the node may not see it any more"};
    if (it->second != spec.partitions) return wrong_partition_count(spec.name, it->second, spec.partitions);
  }
  return {};
}

Result<void> Client::check_settings(const std::vector<std::string>& topics, Cleanup cleanup) {
  auto all = settings_of(topics);
  if (!all) return all.error();
  std::string unknown;
  for (const auto& topic : topics) {
    const auto told = all->find(topic);
    if (told == all->end()) {
      unknown += (unknown.empty() ? "" : ", ") + printable(name_in_kafka(topic));
      continue;
    }
    if (cleanup == Cleanup::compact) {
      if (auto good = check_changelog(topic, told->second); !good) return good;
    }
    warn_about(topic, told->second);
  }
  if (!unknown.empty())
    log_warning("cannot check the configuration of these topics: " + unknown +
                "; grant the node's user DESCRIBE_CONFIGS on them");
  return {};
}

// A state that the log has deleted would be missing after the next restore, and nobody would notice.
Result<void> Client::check_changelog(const std::string& topic, const Settings& settings) const {
  const std::string policy = text(settings, "cleanup.policy");
  if (policy == "compact") return {};
  return Error{ErrorCode::configuration, quoted(name_in_kafka(topic)) +
                                             " keeps the states of a service and has cleanup.policy=" +
                                             policy + ": states would be lost; set it to compact"};
}

void Client::warn_about(const std::string& topic, const Settings& settings) const {
  const std::string policy = text(settings, "cleanup.policy");
  const bool is_changelog = policy == "compact" && topic.ends_with("-changelog");
  if (!is_changelog && policy.find("compact") != policy.npos)
    log_warning(quoted(name_in_kafka(topic)) + " has cleanup.policy=" + policy +
                ": it keeps only the last record of a key, read or not");
  for (const char* name : {"retention.ms", "retention.bytes"}) {
    const auto limit = number(settings, name);
    if (policy.find("delete") != policy.npos && limit && *limit >= 0)
      log_warning(quoted(name_in_kafka(topic)) + " has " + name + "=" + std::to_string(*limit) +
                  ": records beyond that are deleted, read or not; -1 keeps them for ever");
  }
  const auto max = number(settings, "max.message.bytes");
  if (options_.log && max && static_cast<std::size_t>(*max) < options_.max_record_bytes)
    options_.log->info(
        "{} has max.message.bytes={}, less than the {} of [kafka] max_record_bytes: a larger record "
        "cannot be written to it",
        quoted(name_in_kafka(topic)), *max, options_.max_record_bytes);
}

}  // namespace eventy::kafka::detail
