// The store on Apache Kafka: records in topics, positions as the offsets of a consumer group, states in
// compacted changelog topics, all of a commit cycle in one transaction. Several nodes share the partitions of
// a service. Source of the behaviour: the Kafka protocol as librdkafka 2.0.2 speaks it with Kafka 4.3.
//
// Threads: as RecordStore says. A session has a thread that restores and commits; librdkafka has its own.
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

// Where in the work of a session its process may die: for tests of what follows.
enum class Step : std::uint8_t {
  before_produce,       // a transaction was begun
  after_produce,        // all outputs and states were handed to the producer
  before_send_offsets,  // those positions that were not sent ahead are sent now
  after_send_offsets,   // the positions are in the transaction
  commit_sent,          // the commit is on its way
  commit_acknowledged,  // the commit is known, nothing of it is in the local copies
  local_store_written,  // it is in the local copies, and the bridge does not know of it yet
  rewind,               // before the session goes back to the committed positions
  revoke                // partitions are to be given up, what is in hand is not committed yet
};

struct Options {
  std::string bootstrap = "127.0.0.1:9092";  // host:port, comma separated
  // In front of every topic, group and transactional id in Kafka: several installations share one cluster.
  std::string prefix = {};
  // librdkafka's configuration properties by their names, over what this store sets. Those that the
  // guarantees rest on are refused: see README.md.
  std::map<std::string, std::string> properties = {};
  // Of librdkafka's own lines, and of warnings about topics; never of secrets among the properties. Null:
  // silent.
  std::shared_ptr<spdlog::logger> log = {};
  std::int16_t replication = -1;  // of topics that are created; -1: the cluster's default

  Duration session_timeout{6'000};       // without a heartbeat for so long a node has lost its partitions
  Duration transaction_timeout{10'000};  // the broker aborts a dead node's open transaction after this
  Duration request_timeout{30'000};      // of anything that this store waits for

  Duration topic_check_interval{30'000};  // between checks whether the topics are those that were opened
  Duration copy_refresh{std::chrono::hours(1)};  // copies that stay the same are noted as up to date again
  Duration position_refresh{std::chrono::hours(24)};  // positions that stay the same are committed again

  // Services whose positions are taken as they are where no node wrote them, but a tool or another program:
  // the states stay as they are. Without it such a position is refused. For one start.
  std::set<std::string> accept_positions = {};

  std::size_t max_record_size = 16u << 20;  // bytes; what topics that are created accept
  std::size_t max_cycle_size = 256u << 20;  // bytes of outputs and states of one commit cycle
  OpenLocalState local_state = local_state_in_memory();

  // Called at each step, on the thread that makes it; must not throw. For tests.
  std::function<void(Step)> on_step = {};
};

// Errors: configuration for a property that is refused, unknown or wrong, also where it names a file that
// cannot be read. Nothing is asked of the cluster yet: that it cannot be reached shows at the first use, as
// timed_out, and that it refuses us as permission_denied.
Result<std::unique_ptr<RecordStore>> open(const Options& options);

}  // namespace eventy::kafka
