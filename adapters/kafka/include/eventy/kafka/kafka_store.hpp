// The store on Apache Kafka: records in topics, positions as the offsets of a consumer group, states in
// compacted changelog topics, all of a commit cycle in one transaction. Several nodes share the partitions of
// a service. Source of the behaviour: the Kafka protocol as librdkafka 2.0.2 speaks it with Kafka 4.3.
//
// Threads: as RecordStore says. A session has threads of its own that commit, prepare partitions and restore;
// librdkafka has its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "eventy/core/result.hpp"
#include "eventy/core/types.hpp"
#include "eventy/store/local_state.hpp"
#include "eventy/store/record_store.hpp"

namespace spdlog {
class logger;
}

namespace eventy::kafka {

// Steps of a session, at which a test may end its process.
enum class Step : std::uint8_t {
  before_produce,       // a transaction has begun
  after_produce,        // the producer has all outputs and states
  before_send_offsets,  // positions that were not sent early are sent next
  after_send_offsets,   // the positions are in the transaction
  commit_sent,          // the commit was sent
  commit_acknowledged,  // the commit is acknowledged, the local copies do not have it
  local_store_written,  // the local copies have it, the bridge does not know of it yet
  rewind,               // before the session rewinds to the committed positions
  revoke                // partitions are revoked or lost, the open cycle is not committed yet
};

struct Options {
  std::string bootstrap = "127.0.0.1:9092";  // host:port, comma separated
  // Prefix of every topic, group and transactional id in Kafka, so that installations can share a cluster.
  std::string prefix = {};
  // librdkafka's properties by name; they override what this store sets. Those that it depends on are
  // refused: see README.md.
  std::map<std::string, std::string> properties = {};
  // For librdkafka's lines and the store's warnings, without secrets of the properties. Null: silent.
  std::shared_ptr<spdlog::logger> log = {};
  std::int16_t replication = -1;  // of topics that are created; -1: the cluster's default

  Duration session_timeout{6'000};       // a node without a heartbeat for this long loses its partitions
  Duration transaction_timeout{10'000};  // the brokers abort a dead node's open transaction after this
  Duration request_timeout{30'000};      // of each request to the cluster

  Duration topic_check_interval{30'000};              // between checks of topics
  Duration copy_refresh{std::chrono::hours(1)};       // after this, an unchanged copy is noted as up to date
  Duration position_refresh{std::chrono::hours(24)};  // after this, unchanged positions are committed again

  // Services that accept positions which a tool or another program wrote. Their states stay as they are. Else
  // such a position is refused. For one start.
  std::set<std::string> accept_positions = {};

  std::size_t max_record_bytes = 16u << 20;  // bytes; the limit of topics that are created
  std::size_t max_cycle_bytes = 256u << 20;  // bytes of outputs and states of one commit cycle
  // Bytes of memory of the fetched records that wait because their partition is paused, over all partitions
  // of a session. A partition that exceeds its share is not fetched until it is resumed.
  std::size_t max_backlog_size = 48u << 20;
  OpenLocalState local_state = local_state_in_memory();

  // Called at each step, on the thread that takes it; must not throw. For tests.
  std::function<void(Step)> on_step = {};
};

// Errors: configuration, for a property that is refused, unknown or wrong, or names a file that cannot be
// read. This sends no request to the cluster: if it cannot be reached, or refuses this client, the first use
// of the store fails with timed_out or permission_denied.
Result<std::unique_ptr<RecordStore>> open(const Options& options);

}  // namespace eventy::kafka
