#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "command_line.hpp"
#include "config.hpp"
#include "eventy/engine/failure_class.hpp"
#include "eventy/store/open_files.hpp"
#include "log.hpp"
#include "serializers.hpp"
#include "signals.hpp"
#include "standard_streams.hpp"

namespace eventy {

namespace {

constexpr int exit_error = 1, exit_gave_up = 70, exit_configuration = 78;
constexpr Duration idle_check{20}, max_for_stopping{10'000}, max_for_stopping_stuck{1'000};
// Of the time for draining: how much of it is kept for closing the sessions, and after how much of it without
// anything finished the partitions that are done are handed over.
constexpr int share_for_closing = 4, share_until_handing_over = 4;
constexpr std::size_t max_named = 8;

int complain(const App& app, const std::string& what, int code) {
  say_on_standard_error(app.name + ": " + what);
  return code;
}

// A configuration that is read and checked, and what it names.
struct Configured {
  Document document;
  NodeConfig config;

  Configured(const App& app, const CommandLine& line, const Adapters& adapters)
      : document(line.config, line.overrides), config(read_config(document, adapters)) {
    if (!app.section.empty()) {
      Section section = document.section(app.section);
      if (app.configure) app.configure(section);
      section.finish();
    }
    make_store(document, config, adapters, StoreAccess::none).value();
    document.finish();
  }
};

// What the configuration names, made.
struct Serializers {
  std::shared_ptr<const Serializer> common;
  std::map<std::string, std::shared_ptr<const Serializer>> named = {};

  Serializers(const NodeConfig& config, const Adapters& adapters) {
    const FormatOptions options{.schemas = config.schemas};
    common = make_serializer(adapters, config.records, options).value();
    for (const auto& [name, formats] : config.serializers)
      named[name] = make_serializer(adapters, formats, options).value();
  }
};

// A misspelt topic would silently keep the default, and its keys lie elsewhere.
void check_topics(const NodeConfig& config,
                  const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes) {
  std::set<std::string> topics;
  for (const auto& runtime : runtimes)
    for (const auto& topic : runtime->session_options("").topics) topics.insert(topic);
  std::string known;
  for (const auto& topic : topics) known += (known.empty() ? "" : ", ") + topic;
  for (const auto& entry : config.partitioners)
    if (!topics.contains(entry.first))
      throw Failure(
          {ErrorCode::configuration, "[partitioners] " + entry.first +
                                         ": no service here reads or writes this topic. Theirs: " + known});
  for (const auto& topic : std::set(topics)) topics.emplace(owner_of_topic(topic));
  for (const auto& entry : config.serializers)
    if (!topics.contains(entry.first))
      throw Failure(
          {ErrorCode::configuration, "[serializers] " + entry.first +
                                         ": no service here reads or writes this topic, or one of " +
                                         "a service of this name. Topics: " + known});
}

// A misspelt service would silently keep what [supervision] says.
void check_services(const NodeConfig& config, const std::set<std::string>& names) {
  std::string known;
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
  for (const auto& entry : config.services)
    if (!names.contains(entry.first))
      throw Failure({ErrorCode::configuration,
                     "[services." + entry.first + "]: no service here has this name. Known here: " + known});
}

// What had to be mended; empty: nothing.
std::string in_words(const actors::ServiceCounts& c) {
  std::string out;
  const auto add = [&](std::uint64_t count, const char* one, const char* many) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, count == 1 ? one : many);
  };
  add(c.partitions, "restart of a partition", "restarts of partitions");
  add(c.sources, "restart of a source", "restarts of sources");
  add(c.bridges, "restart of the bridge", "restarts of the bridge");
  add(c.services, "restart of the service", "restarts of the service");
  add(c.escalations, "escalation", "escalations");
  add(c.stuck_handlers, "slow handler", "slow handlers");
  add(c.over_limit, "stuck handler", "stuck handlers");
  for (const auto& [error_class, count] : c.failures) out += fmt::format("; {} × {}", count, error_class);
  return out;
}

// What is known to be written must have a schema, where the format needs one.
void check_outputs(const ServiceRuntime& runtime) {
  for (const auto& output : runtime.plan().outputs) {
    const auto topic = runtime.output_topic(output.kind, output.ns);
    if (!topic) continue;
    const auto& serializer = runtime.serializer(*topic);
    if (const auto why = serializer.cannot_write(output.kind, output.ns, output.name))
      throw Failure({ErrorCode::configuration,
                     fmt::format("service {} writes {} to {} as {}: {}; the folder of schemas is "
                                 "[format] schemas",
                                 runtime.plan().name, output.name, runtime.topic_name(*topic),
                                 serializer.name(), *why)});
  }
}

std::vector<std::shared_ptr<const ServiceRuntime>> make_runtimes(const std::vector<Service>& services,
                                                                 const NodeConfig& config,
                                                                 const Adapters& adapters,
                                                                 std::shared_ptr<spdlog::logger> log) {
  const Serializers formats(config, adapters);
  const RuntimeOptions options{.serializer = formats.common,
                               .serializers = formats.named,
                               .state_format = adapters.state_formats.at(config.state),
                               .owners = config.namespaces,
                               .partitioners = config.partitioners,
                               .max_record_bytes = config.max_record_bytes,
                               .max_cached_keys = config.max_cached_keys,
                               .durable_wait = config.durable_wait,
                               .parking = config.parking,
                               .misplaced = config.misplaced,
                               .log = std::move(log)};
  std::vector<std::shared_ptr<const ServiceRuntime>> runtimes;
  std::set<std::string> names;
  for (const auto& service : services) {
    if (!names.insert(service.name()).second)
      throw std::invalid_argument("two services are named " + service.name());
    runtimes.push_back(std::make_shared<const ServiceRuntime>(service, options));
    check_outputs(*runtimes.back());
  }
  check_topics(config, runtimes);
  check_services(config, names);
  return runtimes;
}

// One node from its start to its end.
class Node {
 public:
  Node(const App& app, const CommandLine& line, const Adapters& adapters, Configured& configured)
      : app_(app), line_(line), config_(configured.config), log_(make_log(config_.log_level)) {
    const auto runtimes = make_runtimes(app.services(line.options), config_, adapters, log_);
    state_format_ = adapters.state_formats.at(config_.state);
    store_ = make_store(configured.document, config_, adapters, StoreAccess::sessions, log_).value();
    check_files(runtimes.size());
    std::string names;
    for (const auto& runtime : runtimes) {
      as_configured(store_->ensure_topics(runtime->topic_specs(config_.partitions)));
      SessionOptions session = runtime->session_options(config_.id);
      session.cycle_interval = config_.commit_interval;
      const std::string& name = runtime->plan().name;
      const bool is_blocking = runtime->plan().is_blocking || config_.blocking.contains(name);
      setups_.push_back(
          {.runtime = runtime,
           .open_session = [store = store_.get(), session] { return store->open_session(session); },
           .bridge = bridge_options(is_blocking),
           .supervision = config_.supervision_of(name).parts,
           .turns = config_.supervision_of(name).turns,
           .is_blocking = is_blocking});
      names += (names.empty() ? "" : ", ") + name;
    }
    log_->info("node {}: running {} on the {} store", config_.id, names, config_.store_type);
  }

  int run(Signals& signals) {
    actors::NodeSystem system({.threads = config_.threads,
                               .idle_check = line_.until_idle ? idle_check : Duration(0),
                               .supervision = config_.node_supervision},
                              clock_);
    as_configured(system.start(std::move(setups_)));
    const int code = run(system, signals);
    const Duration most = max_for_end(system);
    const bool all_ended = system.stop(most);
    if (!all_ended) name_the_busy(system, most);
    tell_counts(system);
    log_->flush();
    if (code == exit_gave_up) complain(app_, system.failure(), code);  // the last line says why
    std::fflush(stderr);
    if (!all_ended) std::_Exit(code);  // what is left behind has nothing to commit
    return code;
  }

 private:
  // What a store calls its caller's mistake is the configuration's here: a topic has another count of
  // partitions, or a name that the store does not take.
  void as_configured(const Result<void>& result) const {
    if (result) return;
    Error error = result.error();
    if (error.code == ErrorCode::invalid_argument)
      error = {ErrorCode::configuration,
               fmt::format("{} (configured: [topics] partitions = {})", error.message, config_.partitions)};
    throw Failure(std::move(error));
  }

  BridgeOptions bridge_options(bool is_blocking) const {
    BridgeOptions options = config_.bridge_options();
    options.hands_over_all = !is_blocking;
    // No other node has the partitions of a store that only one can open.
    if (store_->features().many_members)
      options.hand_over_after = config_.drain_timeout / share_until_handing_over;
    return options;
  }

  Duration for_closing() const {
    return std::min(max_for_stopping_stuck, config_.drain_timeout / share_for_closing);
  }

  // What is stuck does not end; the others have a moment to leave in order.
  Duration max_for_end(actors::NodeSystem& system) const {
    if (is_stuck(system) || system.wait_for({}) == actors::NodeState::handed_over) return for_closing();
    const MonotonicTime until = drain_until_;
    if (until == MonotonicTime{}) return max_for_stopping;
    const auto left = std::chrono::duration_cast<Duration>(until - clock_.now());
    return std::clamp(left, for_closing(), std::max(for_closing(), max_for_stopping));
  }

  void name_the_busy(const actors::NodeSystem& system, Duration most) const {
    const auto names = busy_handlers(system);
    if (names.empty()) {
      log_->error("the sessions with the store are not closed after {} ms: ending without that",
                  most.count());
    } else {
      log_->error("still running after {} ms: {}; ending without that", most.count(), names);
    }
  }

  // Empty: none runs.
  static std::string busy_handlers(const actors::NodeSystem& system) {
    const auto all = system.running();
    std::string names;
    for (std::size_t i = 0; i < std::min(all.size(), max_named); ++i) names += (i == 0 ? "" : "; ") + all[i];
    if (all.size() > max_named) names += fmt::format("; and {} more", all.size() - max_named);
    return names;
  }

  // The sessions' files, and those of the copies of their states, which are opened later.
  void check_files(std::size_t services) const {
    const std::uint64_t each = store_->features().session_files;
    if (each > 0) check_open_files(services * each + fewest_cached_files, "node " + config_.id).value();
  }

  static bool is_stuck(const actors::NodeSystem& system) {
    const auto counts = system.counts();
    return std::any_of(counts.begin(), counts.end(), [](const auto& c) { return c.over_limit > 0; });
  }

  void tell_counts(const actors::NodeSystem& system) const {
    for (const auto& counts : system.counts())
      if (const auto line = in_words(counts); !line.empty())
        log_->info("service {}: {}", counts.service, line);
  }

  int run(actors::NodeSystem& system, Signals& signals) {
    const Signals::Watcher watching(signals, [&](int signal) {
      log_->info("{}: draining; a second signal ends at once", signal == SIGINT ? "SIGINT" : "SIGTERM");
      drain(system);
    });
    return watch(system);
  }

  int watch(actors::NodeSystem& system) {
    using actors::NodeState;
    for (;;) {
      const NodeState state = system.wait_for(config_.progress_interval);
      show_progress(false);
      if (state == NodeState::failed) return exit_gave_up;
      if (state == NodeState::idle) log_->info("idle: every topic read to its end");
      const bool drains = drain_until_.load() != MonotonicTime{};
      if (state == NodeState::running && !drains) continue;
      if (!drains) drain(system);
      return finish(system);
    }
  }

  void drain(actors::NodeSystem& system) {
    drain_until_ = clock_.now() + config_.drain_timeout;
    system.drain();
  }

  // Gives up so early that the sessions can be closed within the time for draining.
  int finish(actors::NodeSystem& system) {
    const MonotonicTime deadline = drain_until_.load() - for_closing();
    for (;;) {
      const auto state = system.wait_until_drained(config_.progress_interval);
      if (state == actors::NodeState::failed) return exit_gave_up;
      show_progress(state == actors::NodeState::drained);
      if (state == actors::NodeState::drained) {
        log_->info("drained: what was in hand is committed");
        return 0;
      }
      const bool handed_over = state == actors::NodeState::handed_over;
      if (handed_over || clock_.now() > deadline) return give_up_draining(system, handed_over);
    }
  }

  int give_up_draining(const actors::NodeSystem& system, bool handed_over) const {
    const auto names = busy_handlers(system);
    const std::string what =
        handed_over
            ? "not all is drained: what held up the rest is undone, and is handled again by the next owner"
            : fmt::format(
                  "not drained within {} ms: ending without the commit of what is in hand; it is "
                  "handled again after the next start",
                  config_.drain_timeout.count());
    return complain(app_, what + (names.empty() ? "" : ". Still running: " + names), exit_error);
  }

  // What the program cannot show must not end its work.
  void show_progress(bool last) {
    if (!app_.progress || !shows_progress_) return;
    const auto elapsed = std::chrono::duration_cast<Duration>(clock_.now() - started_);
    try {
      app_.progress({*store_, *state_format_, line_.options, elapsed, last});
    } catch (...) {
      shows_progress_ = false;
      log_->error("no progress is shown any more, as that failed: {}",
                  describe(std::current_exception()).reason);
    }
  }

  const App& app_;
  const CommandLine& line_;
  const NodeConfig& config_;
  std::shared_ptr<spdlog::logger> log_;
  SystemClock clock_;
  MonotonicTime started_ = clock_.now();
  std::shared_ptr<const StateFormat> state_format_;
  std::unique_ptr<RecordStore> store_;
  std::vector<actors::ServiceSetup> setups_;
  std::atomic<MonotonicTime> drain_until_ = MonotonicTime{};  // none: it does not drain
  bool shows_progress_ = true;
};

int run_command(const Command& command, const CommandLine& line, const Adapters& adapters,
                Configured& configured) {
  const auto& config = configured.config;
  const auto store =
      make_store(configured.document, config, adapters, command.access, make_log(config.log_level)).value();
  const Serializers formats(config, adapters);
  return command.run({line.options, *store, *formats.common, formats.named,
                      *adapters.state_formats.at(config.state), config.partitions, config.partitioners});
}

// A command whose output got lost has failed. A node that has done its work has not.
int with_output(const App& app, int code) {
  if (standard_output_is_written()) return code;
  return complain(app, fmt::format("standard output: {}", std::strerror(errno)),
                  code == 0 ? exit_error : code);
}

int dispatch(const App& app, const CommandLine& line, const Adapters& adapters) {
  Configured configured(app, line, adapters);
  if (line.command == "check-config") {
    // Services that depend on options of `run` are not known here.
    if (app.options.empty()) make_runtimes(app.services(line.options), configured.config, adapters, nullptr);
    print_line(line.config.value_or("built-in defaults") + ": the configuration is right");
    return with_output(app, 0);
  }
  for (const auto& command : app.commands)
    if (command.name == line.command)
      return with_output(app, run_command(command, line, adapters, configured));
  Signals signals;  // before any other thread
  return Node(app, line, adapters, configured).run(signals);
}

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::configuration:
    case ErrorCode::invalid_argument:  // what a command asks of a store comes from there
      return exit_configuration;
    default:
      return exit_error;
  }
}

}  // namespace

const Serializer& CommandContext::serializer_of(const std::string& topic) const {
  for (const auto& name : {topic, std::string(owner_of_topic(topic))})
    if (const auto it = serializers.find(name); it != serializers.end()) return *it->second;
  return serializer;
}

Result<std::vector<Offset>> CommandContext::append(const std::string& topic,
                                                   std::vector<NewRecord> records) const {
  if (const auto configured = partitioners.find(topic); configured != partitioners.end())
    for (auto& record : records) record.partitioner = configured->second;
  return store.append(topic, records);
}

int run(int argc, char** argv, App app, Adapters adapters) {
  prepare_standard_streams();
  raise_open_file_limit();
  if (app.name.empty()) app.name = std::filesystem::path(argc > 0 ? argv[0] : "eventy").filename();
  if (app.version.empty()) app.version = EVENTY_VERSION;
  try {
    const auto parsed = parse_command_line(argc, argv, app);
    return parsed.line ? dispatch(app, *parsed.line, adapters) : with_output(app, parsed.exit_code);
  } catch (const UsageMistake& e) {
    return complain(app, e.what(), exit_usage);
  } catch (const Failure& e) {
    return complain(app, e.what(), exit_code_of(e.error().code));
  } catch (const std::exception& e) {
    return complain(app, e.what(), exit_error);
  } catch (...) {
    return complain(app, describe(std::current_exception()).reason, exit_error);
  }
}

int run(int argc, char** argv, std::vector<Service> services, Adapters adapters) {
  App app;
  app.services = [services = std::move(services)](const Arguments&) { return services; };
  return run(argc, argv, std::move(app), std::move(adapters));
}

}  // namespace eventy
