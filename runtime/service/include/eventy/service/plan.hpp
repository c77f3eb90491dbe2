// The type-erased definition of a service, which partitions run. Immutable; shared by threads.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventy/service/policies.hpp"
#include "eventy/service/turn.hpp"
#include "eventy/service/upgrade.hpp"

namespace eventy {

namespace detail {

// How the engine handles values of a state type that it does not know.
struct StateOps {
  void* (*make)();
  void* (*copy)(const void*);
  void (*assign)(void* to, const void* from);
  void (*drop)(void*);
  void (*write)(Writer&, const void*);
  void (*read)(Reader&, std::uint16_t version, void*);  // reads bytes of this version or an older one
  std::uint16_t version;  // of the struct; bytes of a newer version are rejected
  bool is_flat;           // the type holds nothing that grows, such as texts and lists
};
template <class S>
inline constexpr StateOps state_ops{
    []() -> void* { return new S{}; },
    [](const void* s) -> void* { return new S(*static_cast<const S*>(s)); },
    [](void* to, const void* from) { *static_cast<S*>(to) = *static_cast<const S*>(from); },
    [](void* s) { delete static_cast<S*>(s); },
    [](Writer& w, const void* s) { write(w, *static_cast<const S*>(s)); },
    [](Reader& r, std::uint16_t version, void* s) { read_state_of(r, version, *static_cast<S*>(s)); },
    state_version<S>(),
    std::is_trivially_copyable_v<S>};

// Stages the effects of one poll of a source.
class PollCore {
 public:
  virtual ~PollCore() = default;
  virtual const void* position() const = 0;
  virtual void advance(const void* position) = 0;
  virtual std::size_t max_records() const = 0;
  virtual void poll_again_after(Duration wait) = 0;
  virtual void on_commit(std::function<void()> call) = 0;
  virtual Writer& begin(const OutputSpec& output) = 0;
  virtual void end() = 0;
  virtual void abandon() = 0;  // discards the output that begin() started and end() did not complete
  virtual void begin_piece() = 0;
  // Call it in a catch block: replaces what was emitted since begin_piece() with a dead letter, or rethrows.
  virtual void piece_failed(std::string_view place, std::string_view bytes) = 0;
  virtual void dead_letter(std::string_view place, std::string_view reason, std::string_view bytes) = 0;
  virtual void log(LogLevel level, std::string_view text) = 0;
};

}  // namespace detail

// Options of what a source writes. Views are copied before the call returns.
struct PollEmitOptions {
  std::optional<std::string_view> key =
      {};                            // none: the record needs no order, and its uuid chooses the partition
  std::optional<Instant> date = {};  // when it happened; default: when the poll began
  std::string_view correlation_id = {};  // of the chain that it continues; empty: it begins one
};

// One poll of a source. The emitted events and the new position are committed together. Sources run on a
// thread of their own and may block.
template <class Position>
class Poll {
 public:
  explicit Poll(detail::PollCore& core) : core_(core) {}
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;
  const Position& position() const { return *static_cast<const Position*>(core_.position()); }
  std::size_t max_records() const { return core_.max_records(); }  // about how many records to emit at most
  template <EventType E>
  void emit(const E& event, std::string_view key) {
    emit(event, PollEmitOptions{.key = key});
  }
  template <EventType E>
  void emit(const E& event, const PollEmitOptions& options) {
    write_record(event, options);
  }
  // The service handles the response. With a key, it comes to the key's partition.
  template <RequestType Q>
  void request(const Q& request, const PollEmitOptions& options = {}) {
    write_record(request, options);
  }
  // Calls `call` when all that this poll writes is committed, on the source's thread: to acknowledge the
  // input where it came from. After a crash, or when the commit is undone and the input polled again, it is
  // not called. It must not throw.
  void on_commit(std::function<void()> call) { core_.on_commit(std::move(call)); }
  // Processes one piece of the input: `f()` emits its events. If it throws, none of them is emitted and
  // the piece becomes a dead letter with its place, the reason and its bytes. So a piece that cannot be
  // parsed or written does not end the source. std::bad_alloc and eventy::Failure are rethrown: the piece did
  // not cause them.
  template <class F>
  void process(std::string_view place, std::string_view bytes, F f) {
    core_.begin_piece();
    try {
      f();
    } catch (...) {
      core_.piece_failed(place, bytes);
    }
  }
  // Writes input that cannot be parsed to the service's dead letters: its place, the reason and its bytes.
  void dead_letter(std::string_view place, std::string_view reason, std::string_view bytes) {
    core_.dead_letter(place, reason, bytes);
  }
  void advance(const Position& position) { core_.advance(&position); }
  void poll_again_after(Duration wait) { core_.poll_again_after(wait); }  // polls again after this wait
  // Logs a line with the service and the source.
  void log(LogLevel level, std::string_view text) const { core_.log(level, text); }

 private:
  template <class M>
  void write_record(const M& message, const PollEmitOptions& options) {
    using R = typename RecordOf<M>::type;
    try {
      write(core_.begin({.kind = R::kind,
                         .ns = R::ns,
                         .name = R::name,
                         .version = R::version,
                         .key = options.key,
                         .date = options.date,
                         .correlation_id = options.correlation_id}),
            message);
      core_.end();
    } catch (const EncodeError& e) {
      core_.abandon();
      throw e.within("data");
    } catch (...) {
      core_.abandon();
      throw;
    }
  }
  detail::PollCore& core_;
};

struct Plan {
  struct Records {  // of one kind and namespace
    Kind kind{};
    std::string_view ns = {};
  };
  struct Handler {
    std::string_view name, version;       // of what it handles
    std::optional<Records> records = {};  // that it handles; nullopt: what it handles are no records
    Guarantee guarantee{};
    std::shared_ptr<const void> code;
    void (*run)(const void* code, detail::TurnCore& core, Reader& data) = nullptr;
    FailurePolicies failures = {};  // go before those of the service
    // True if records of this other major version can be read, through upgrade functions.
    bool (*upgrades_from)(std::uint64_t major) = nullptr;

    bool handles(Kind kind) const { return records && records->kind == kind; }
    bool handles(const Envelope& e) const {
      return records && name == e.name && records->kind == e.kind && records->ns == e.ns;
    }
  };
  // A record that the service is known to write.
  struct Output {
    Kind kind{};
    std::string_view ns, name;
  };
  struct Query {
    std::string_view name;
    std::shared_ptr<const void> code;
    void (*run)(const void* code, const void* state, Reader& query, Writer& answer) = nullptr;
  };
  struct Source {
    std::string name;
    const detail::StateOps* position = nullptr;
    std::shared_ptr<const void> code;
    void (*run)(const void* code, detail::PollCore& core) = nullptr;
  };
  std::string name, ns;
  bool is_blocking = false;                 // its handlers may block
  const detail::StateOps* state = nullptr;  // null: the service has no state
  std::vector<Handler> handlers;
  std::vector<Query> queries;
  std::vector<Source> sources;
  std::vector<std::string>
      requested;                // namespaces that requests go to, beside those whose responses are handled
  std::vector<Output> outputs;  // responses to handled requests, and what emits() names
  FailurePolicies failures;

  // The policy for this error: the handler's, else the service's, else the default. `is_named` is true if the
  // policy names the error's class.
  struct Policy {
    const FailurePolicy& on_failure;
    bool is_named;
  };
  Policy policy_for(const Handler& handler, const std::exception_ptr& error) const;
  bool handles_responses() const;
  Duration longest_wait() const;  // the longest of all policies; see FailurePolicies
};

// A service as a value: copies share the plan.
class Service {
 public:
  explicit Service(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}
  const Plan& plan() const { return *plan_; }
  const std::string& name() const { return plan_->name; }

 private:
  std::shared_ptr<const Plan> plan_;
};

}  // namespace eventy
