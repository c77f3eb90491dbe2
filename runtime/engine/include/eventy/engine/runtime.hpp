// A service that is ready to run: its topics, its dispatch table, its formats. Immutable; the bridge and the
// partitions of the service share it.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "eventy/core/ids.hpp"
#include "eventy/core/partitioner.hpp"
#include "eventy/core/serializer.hpp"
#include "eventy/service/plan.hpp"
#include "eventy/store/record_store.hpp"

namespace spdlog {
class logger;
}

namespace eventy {

// Limits of the parked records of one partition. The partition pauses before a record that does not fit, and
// releases its key with each probe.
struct ParkingLimits {
  std::size_t records_per_key = 1'000;
  std::size_t records = 10'000;
  std::size_t bytes = 64u << 20;        // of all of them
  std::size_t record_bytes = 1u << 20;  // of one

  friend bool operator==(const ParkingLimits&, const ParkingLimits&) = default;
};

// Limits of misplaced records of a topic. When both are reached, the partition of a service with state pauses
// before these records; fewer become dead letters.
struct MisplacedLimits {
  std::size_t records = 10;  // 0: it never pauses
  unsigned percent = 25;     // of the records around them

  friend bool operator==(const MisplacedLimits&, const MisplacedLimits&) = default;
};

struct RuntimeOptions {
  std::shared_ptr<const Serializer> serializer = {};  // of every topic that `serializers` does not name
  std::map<std::string, std::shared_ptr<const Serializer>> serializers =
      {};  // of a topic, or of a service's own
  std::shared_ptr<const StateFormat> state_format = {};
  std::map<std::string, std::string> service_of_namespace =
      {};  // namespace → service, where it is not `urn:NAME` → `NAME`
  std::map<std::string, Partitioner> partitioners = {};  // topic → its partitioner, where it is not crc32
  // `SERVICE-ROLE` → the topic of this service and role, where it has another name: "orders-events" →
  // "legacy.orders.v2". Several services' events may lie in one topic.
  std::map<std::string, std::string> topic_names = {};
  // service → where it begins in topic partitions that it has no position for; default: at the earliest.
  std::map<std::string, StartPositions> starts = {};
  DecodeLimits limits = {};
  std::size_t max_record_bytes = 1u << 20;  // of an output, encoded; a larger one fails its turn
  std::size_t max_cached_keys = 100'000;    // of a partition; more are evicted if they are clean
  std::size_t max_records_per_slice = 4096;
  Duration max_time_per_slice{100};  // a little more when handlers become slow
  Duration durable_wait{1'000};      // a wait of this length or longer is kept in the state
  ParkingLimits parking = {};
  MisplacedLimits misplaced = {};
  std::shared_ptr<spdlog::logger> log = {};  // null: silent
};

// The topics of a service by role. Each is named `SERVICE-ROLE`, unless RuntimeOptions::topic_names says
// otherwise. The functions below are pure; any thread may call them.
enum class TopicRole : std::uint8_t { requests, events, responses, dead_letters, returns };
inline constexpr std::array<std::string_view, 5> topic_roles{"requests", "events", "responses",
                                                             "dead-letters", "returns"};
TopicRole role_of(Kind kind);
std::string default_topic_name(std::string_view service, TopicRole role);  // `SERVICE-ROLE`
// The topic of a service and role.
std::string topic_of(const RuntimeOptions& options, std::string_view service, TopicRole role);
// The topic of the records of this kind and namespace, which is that of the service that owns the namespace.
std::string topic_of(const RuntimeOptions& options, Kind kind, std::string_view ns);
// The service that owns a namespace.
std::string service_of(const RuntimeOptions& options, std::string_view ns);
// The services that own a topic: several can have one topic. None: no service owns it.
std::set<std::string> owners_of_topic(const RuntimeOptions& options, std::string_view topic);
// The serializer of a topic: its own, else that of the services that own it, else the common one. Throws
// std::invalid_argument if the owners have different ones.
const std::shared_ptr<const Serializer>& serializer_of(const RuntimeOptions& options,
                                                       const std::string& topic);

// The names of the headers that a dead letter has besides the original ones. Its value and key are the
// original ones.
namespace dead_letter {
inline constexpr std::string_view reason = "eventy-reason", error_class = "eventy-error-class",
                                  handler = "eventy-handler", attempts = "eventy-attempts",
                                  topic = "eventy-topic", partition = "eventy-partition",
                                  offset = "eventy-offset", time = "eventy-time", place = "eventy-place",
                                  left_out = "eventy-left-out";  // what did not fit: "value", "key and value"
}

class ServiceRuntime {
 public:
  // Throws std::invalid_argument for a plan that cannot run, naming what is wrong.
  ServiceRuntime(const Service& service, RuntimeOptions options);

  const Plan& plan() const { return service_.plan(); }
  const RuntimeOptions& options() const { return options_; }
  SessionOptions session_options(std::string node) const;
  std::vector<TopicSpec> topic_specs(std::uint32_t partitions) const;  // every topic of the session
  const std::string& topic_name(TopicIndex topic) const { return topics_[topic.value]; }

  std::size_t topic_count() const { return topics_.size(); }
  // The returns topic holds records as they came, so all formats of responses read it, unless it has a format
  // of its own.
  const Serializer& serializer(TopicIndex topic) const { return *serializers_[topic.value]; }

  Partitioner partitioner(TopicIndex topic) const { return partitioners_[topic.value]; }
  // Of all topics that a service with state reads together: it places keys and their state.
  Partitioner partitioner() const { return partitioner(requests); }

  // All that are read: together, then responses.
  std::vector<TopicIndex> input_topics() const;
  // Topics by role. The request topic is the first one and the lead topic.
  static constexpr TopicIndex requests{0}, events{1}, responses{2}, dead_letters{3};
  std::optional<TopicIndex> returns() const { return returns_; }
  std::optional<TopicIndex> request_topic_of(
      std::string_view ns) const;  // nullopt: the service sends it no requests
  // The topic that outputs of this kind and namespace go to; nullopt: the service sends it no requests.
  std::optional<TopicIndex> output_topic(Kind kind, std::string_view ns) const;
  static constexpr KeyspaceIndex state_keyspace{0};
  static KeyspaceIndex source_keyspace(std::size_t source) {
    return {static_cast<std::uint32_t>(source + 1)};
  }
  KeyspaceIndex failures_keyspace() const { return {static_cast<std::uint32_t>(plan().sources.size() + 1)}; }

  struct Candidate {  // a handler that may match records of a topic
    std::uint32_t handler;
    const Plan::Handler* plan;
    std::uint64_t major;
  };
  // In the order in which they run: by guarantee.
  const std::vector<Candidate>& candidates(TopicIndex topic) const { return dispatch_[topic.value]; }
  const UuidDeriver& deriver(std::uint32_t handler) const { return derivers_[handler]; }
  // Kind, namespace, name and guarantee: the same in every build.
  const std::string& handler_id(std::uint32_t handler) const { return handler_ids_[handler]; }
  std::optional<TopicIndex> topic_named(std::string_view name) const;

 private:
  TopicIndex intern(std::string name);
  void add_own_topics();
  void add_input(TopicIndex topic, bool free);
  void add_record_handler(std::uint32_t index);
  std::string owner_of(std::string_view ns) const;
  void find_partitioners();
  void find_serializers();

  Service service_;
  RuntimeOptions options_;
  std::vector<std::string> topics_;
  std::vector<Partitioner> partitioners_;                       // by TopicIndex
  std::vector<std::shared_ptr<const Serializer>> serializers_;  // by TopicIndex
  std::vector<TopicIndex> inputs_, independent_inputs_;
  std::optional<TopicIndex> returns_;
  std::vector<std::pair<std::string, TopicIndex>> asked_;
  std::vector<std::vector<Candidate>> dispatch_;
  std::vector<UuidDeriver> derivers_;
  std::vector<std::string> handler_ids_;
};

// A runtime with the partition counts and limits that its session reported.
struct Routes {
  std::shared_ptr<const ServiceRuntime> runtime;
  std::vector<std::uint32_t> partitions;    // by TopicIndex
  std::size_t max_state_bytes = SIZE_MAX;   // of key and value in bytes
  std::vector<std::size_t> max_sizes = {};  // of key and value in bytes, by TopicIndex
  std::vector<bool> needs_keys = {};        // by TopicIndex
  // A slice of this many bytes is full. The outputs of one record may have as many again, and so may a state.
  // Each is at most a quarter of a cycle, so that one slice fits into every cycle.
  std::size_t max_slice_bytes = SIZE_MAX;
  std::uint32_t lead_partitions() const { return partitions[0]; }
};
std::shared_ptr<const Routes> make_routes(std::shared_ptr<const ServiceRuntime> runtime,
                                          const StoreSession& session);

// The bytes of a state begin with the version of its struct. `read_state` throws Failure (newer_format) for a
// newer one.
void write_state(const detail::StateOps& ops, const void* state, ValueEncoder& encoder, std::string& out);
void read_state(const detail::StateOps& ops, std::string_view bytes, ValueDecoder& decoder, void* out);

namespace detail {
// For errors: service "x", partition 1: `what` of key "k" (in `place`). No place: it is unknown.
std::string name_of_state(std::string_view service, PartitionId partition, const std::string& what,
                          std::string_view key, const std::string& place = {});
// Called in a catch block. If the bytes of a state are at fault, throws Failure (corrupt, newer_format) that
// begins with the state's name; else throws the error again.
[[noreturn]] void throw_for_state(const std::string& name);
}  // namespace detail

// Calls `visit(partition, key, const State&)` for every key of a service's committed state. Throws Failure
// for a state that cannot be read.
template <Fields State, class F>
Result<void> for_each_state(const RecordStore& store, const StateFormat& format, const std::string& service,
                            F visit) {
  auto decoder = format.make_decoder();
  return store.scan(service, "state",
                    [&](PartitionId partition, std::string_view key, std::string_view bytes) {
                      State state{};
                      try {
                        read_state(detail::state_ops<State>, bytes, *decoder, &state);
                      } catch (...) {
                        detail::throw_for_state(detail::name_of_state(service, partition, "the state", key));
                      }
                      visit(partition, key, std::as_const(state));
                      return true;
                    });
}

}  // namespace eventy
