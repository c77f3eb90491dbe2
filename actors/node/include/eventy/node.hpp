// A node as an object, for programs that have a main, threads, signals and a log of their own. It runs
// services on a store:
//
//   eventy::Node node({.services = {orders()}, .config = eventy::Config::file("shop.toml")});
//   node.start().value();   // Failure: what is wrong with the configuration, the store or the topics
//   …
//   node.stop({.within = 10s});
//
// It installs no signal handler, ends no process and writes to standard streams only where it has no logger.
// A process may hold several nodes, each on a store of its own or with an id of its own.
//
// Threads: start(), stop() and the destructor belong to one thread; any thread may call the rest, from
// start() on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventy/adapters.hpp"
#include "eventy/client.hpp"
#include "eventy/config.hpp"
#include "eventy/engine/metrics.hpp"
#include "eventy/engine/queries.hpp"
#include "eventy/engine/runtime.hpp"
#include "eventy/service.hpp"
#include "eventy/store/record_store.hpp"

namespace eventy {

struct NodeSetup {
  std::vector<Service> services = {};
  Config config = {};
  Adapters adapters = builtin_adapters();
  // Null: a logger of the node's own, as `[log]` says. A given logger is used as it is: its level, its format
  // and its place are those of the program, and `[log]` is only checked.
  std::shared_ptr<spdlog::logger> log = {};
  // Tables of the program's own in the configuration, by name, each with a function that reads its keys. An
  // absent function: the table is known, but not read here.
  std::map<std::string, std::function<void(Section&)>> sections = {};
  // The node drains by itself once every topic is read to its end offset and every source waits: for jobs.
  bool drains_when_idle = false;
};

enum class NodeState : std::uint8_t {
  created,      // not started, or start() failed
  running,      //
  draining,     // takes no more input; what is in hand is being committed
  drained,      // all work in progress is committed
  handed_over,  // as drained, but the work of handlers that did not return is aborted; the next owner redoes
                // it
  not_drained,  // the drain timeout has passed; uncommitted work is redone after the next start
  failed,       // a service gave up, and its supervisors too
  stopped       // stop() has returned
};
std::string_view to_string(NodeState state);

// How a node ended: drained, handed_over, not_drained or failed.
struct NodeEnd {
  NodeState how = NodeState::drained;
  std::string why = {};  // empty: in order
};

// The figures of a node since its start: by service, and of its clients.
struct NodeFigures {
  std::vector<ServiceCounts> services = {};
  ClientFigures clients = {};
};

struct NodeStop {
  std::optional<Duration> within = {};  // default: `[node] drain_timeout_ms`
};

// The answer to a question.
template <class A>
struct Answer {
  A value = {};
  // The state contains at least all that is before these offsets. For `at_least` of a later question.
  std::vector<TopicPosition> positions = {};
  bool parked = false;  // the key's records wait, since one of them has failed
};

// What an answer must contain: a stored record, or what an earlier answer contained. Contained means
// processed, not succeeded.
class AtLeast {
 public:
  AtLeast() = default;
  AtLeast(const Stored& at) : positions_{{at.topic, at.partition, {at.offset.value + 1}}} {}
  AtLeast(std::vector<TopicPosition> positions) : positions_(std::move(positions)) {}
  const std::vector<TopicPosition>& positions() const { return positions_; }

 private:
  std::vector<TopicPosition> positions_ = {};
};

struct AskOptions {
  Duration timeout{1'000};
  AtLeast at_least = {};
};

class Node {
 public:
  explicit Node(NodeSetup setup);
  // Calls stop() if the node runs.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Reads the configuration, opens the store, creates the topics that do not exist and starts the services.
  // It returns once their sessions are open. An error says what is wrong, and nothing runs. Call it once.
  Result<void> start();

  // Takes no more input, commits what is in hand and ends, within `[node] drain_timeout_ms`. Returns at once.
  void drain();
  // Waits until the node has ended.
  NodeEnd wait();
  // Waits at most so long; nullopt: the node has not ended.
  std::optional<NodeEnd> wait_for(Duration time);
  // Drains, waits, and ends all threads of the node. False: some handlers have not returned in time. Their
  // threads keep running, and what they use stays in memory until the process ends.
  bool stop(NodeStop options = {});

  NodeState state() const;
  // Calls `call` once, when the node has drained, has handed over or has failed, on a thread of the node; at
  // once if that has happened. It must not throw and must not call wait() or stop().
  void on_end(std::function<void(const NodeEnd&)> call);

  // Emits events and sends requests on the node's store, from any thread. All clients of a node share one
  // writer and one reading of responses, with the limits of `[clients]`; `name` says whom records come from.
  // It ends with stop(), which waits for what is on its way, and then refuses with `closed`.
  Client client(const std::string& name = ClientOptions{}.name) const;

  // Asks a service about a key. A query of the service answers it (`answer<…>()`), from committed state, on a
  // thread for queries. While the partition of the key is not ready on this node, or `at_least` is not
  // passed, the question waits. Errors: timed_out, with the reason; not_found for an unknown service or
  // query; invalid_argument for an `at_least` that this key's partition can never pass; full, if too many
  // questions wait; closed, when the node ends. From any thread.
  template <QueryType Q>
  using AnswerTo = Answer<typename Q::record::answer>;
  template <QueryType Q>
  Future<AnswerTo<Q>> ask(const std::string& service, std::string_view key, const Q& query,
                          const AskOptions& options = {}) const {
    auto promise = std::make_shared<Promise<AnswerTo<Q>>>();
    auto future = promise->future();
    ask(service, key, query, options,
        [promise = std::move(promise)](Result<AnswerTo<Q>> answer) { promise->complete(std::move(answer)); });
    return future;
  }
  // The same with a callback, on a thread for queries: it must not throw, nor wait for other answers.
  template <QueryType Q>
  void ask(const std::string& service, std::string_view key, const Q& query, const AskOptions& options,
           std::function<void(Result<AnswerTo<Q>>)> done) const {
    Question question{.service = service,
                      .query = std::string(Q::record::name),
                      .key = std::string(key),
                      .timeout = options.timeout,
                      .at_least = options.at_least.positions()};
    write(state_format().make_encoder()->start(question.body), query);
    ask_raw(std::move(question),
            [done = std::move(done), &format = state_format()](Result<Queries::RawAnswer> raw) {
              done(raw ? answer_of<Q>(format, *raw) : Result<AnswerTo<Q>>(raw.error()));
            });
  }

  NodeFigures figures() const;
  // The handlers, sources and queries that run now: the service, the partition and the record of each.
  std::vector<std::string> running_handlers() const;
  // The services with their formats, topics and limits. `name` must be one of the services.
  const ServiceRuntime& runtime(const std::string& name) const;
  // For reading records, positions and states. Threads: as RecordStore says.
  const RecordStore& store() const;
  const StateFormat& state_format() const;
  Duration elapsed() const;  // since start()

 private:
  template <QueryType Q>
  static Result<AnswerTo<Q>> answer_of(const StateFormat& format, Queries::RawAnswer& raw) {
    AnswerTo<Q> answer{.positions = std::move(raw.positions), .parked = raw.parked};
    try {
      read(format.make_decoder()->start(raw.body), answer.value, Absent::is_error);
    } catch (const DecodeError& e) {
      return Error{ErrorCode::decode,
                   "the answer to " + std::string(Q::record::name) + " does not decode: " + e.what()};
    }
    return answer;
  }
  void ask_raw(Question question, Queries::Answered done) const;

  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// A client without a node, on the configured store. On the embedded store no node may run beside it: take the
// client of the node. `options.name` is whom records come from; its limits are used instead of `[clients]`.
Result<Client> open_client(const Config& config, ClientOptions options = {},
                           const Adapters& adapters = builtin_adapters());

}  // namespace eventy
