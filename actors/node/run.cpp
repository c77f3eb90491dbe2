#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "command_line.hpp"
#include "config.hpp"
#include "eventy/engine/failure_class.hpp"
#include "eventy/store/open_files.hpp"
#include "log.hpp"
#include "runtimes.hpp"
#include "signals.hpp"
#include "standard_streams.hpp"

namespace eventy {

namespace {

constexpr int exit_error = 1, exit_gave_up = 70, exit_configuration = 78;

int complain(const App& app, const std::string& what, int code) {
  say_on_standard_error(app.name + ": " + what);
  return code;
}

// The table of its own that a program has in the configuration.
std::map<std::string, std::function<void(Section&)>> sections_of(const App& app,
                                                                 std::function<void(Section&)> read) {
  if (app.section.empty()) return {};
  return {{app.section, std::move(read)}};
}

// A program's progress display must not end its work.
class ProgressOf {
 public:
  ProgressOf(const App& app, const Arguments& options, const Node& node, spdlog::logger& log)
      : app_(app), options_(options), node_(node), log_(log) {}
  void operator()(bool last) {
    if (!app_.progress || has_failed_) return;
    try {
      app_.progress({node_.store(), node_.state_format(), options_, node_.elapsed(), last});
    } catch (...) {
      has_failed_ = true;
      log_.error("showing progress failed, no more is shown: {}", describe(std::current_exception()).reason);
    }
  }

 private:
  const App& app_;
  const Arguments& options_;
  const Node& node_;
  spdlog::logger& log_;
  bool has_failed_ = false;
};

NodeEnd wait_with_signals(Node& node, Signals& signals, spdlog::logger& log, Duration interval,
                          ProgressOf progress) {
  const Signals::Watcher watching(signals, [&](int signal) {
    log.info("{}: draining; a second signal ends the process at once",
             signal == SIGINT ? "SIGINT" : "SIGTERM");
    node.drain();
  });
  for (;;) {
    const auto end = node.wait_for(interval);
    progress(end && end->how == NodeState::drained);
    if (end) return *end;
  }
}

int exit_code_of(NodeState end) {
  if (end == NodeState::drained) return 0;
  return end == NodeState::failed ? exit_gave_up : exit_error;
}

int run_node(const App& app, const CommandLine& line, const Adapters& adapters, const NodeConfig& config) {
  Signals signals;  // before any other thread
  const auto log = make_log(config.log);
  Node node({.services = app.services(line.options),
             .config = line.config,
             .adapters = adapters,
             .log = log,
             .sections = sections_of(app, nullptr),
             .drains_when_idle = line.until_idle});
  node.start().value();
  const NodeEnd end = wait_with_signals(node, signals, *log, config.progress_interval,
                                        ProgressOf(app, line.options, node, *log));
  const int code = exit_code_of(end.how);
  if (code == exit_error) complain(app, end.why, code);
  const bool all_ended = node.stop();
  if (code == exit_gave_up) complain(app, end.why, code);  // the last line says why
  std::fflush(stderr);
  if (!all_ended) std::_Exit(code);  // what still runs has nothing to commit
  return code;
}

// A command runs beside nodes of the same configuration, whose file it must not rotate, and its own output is
// on standard output.
std::shared_ptr<spdlog::logger> log_of_command(LogConfig config) {
  config.to = "stderr";
  return make_log(config);
}

int run_command(const App& app, const Command& command, const CommandLine& line, const Adapters& adapters,
                Configured& configured) {
  const auto& config = configured.config;
  const auto store =
      make_store(configured.document, config, adapters, command.access, log_of_command(config.log)).value();
  const RuntimeOptions topics = runtime_options({}, config, adapters, nullptr);
  std::vector<std::shared_ptr<const ServiceRuntime>> runtimes;
  const std::function<const ServiceRuntime&(const std::string&)> runtime =
      [&](const std::string& name) -> const ServiceRuntime& {
    if (runtimes.empty()) {
      Arguments defaults;
      for (const auto& option : app.options) defaults.declare(option.name, option.default_value);
      runtimes = make_runtimes(app.services(defaults), config, adapters, nullptr);
    }
    return runtime_named(name, runtimes);
  };
  return command.run({line.options, *store, *topics.serializer, topics,
                      *adapters.state_formats.at(config.state), config.partitions, runtime});
}

// A command whose output was lost has failed. A node that has done its work has not.
int with_output(const App& app, int code) {
  if (standard_output_is_written()) return code;
  return complain(app, fmt::format("standard output: {}", std::strerror(errno)),
                  code == 0 ? exit_error : code);
}

int dispatch(const App& app, const CommandLine& line, const Adapters& adapters) {
  Configured configured(line.config, adapters, sections_of(app, [&](Section& section) {
                          if (app.configure) app.configure(section);
                        }));
  if (line.command == "check-config") {
    // Services that depend on options of `run` are unknown here.
    if (app.options.empty()) make_runtimes(app.services(line.options), configured.config, adapters, nullptr);
    print_line(line.config.name() + ": the configuration is valid");
    return with_output(app, 0);
  }
  for (const auto& command : app.commands)
    if (command.name == line.command)
      return with_output(app, run_command(app, command, line, adapters, configured));
  return run_node(app, line, adapters, configured.config);
}

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::configuration:
    case ErrorCode::invalid_argument:  // what a command asks of a store comes from the configuration
      return exit_configuration;
    default:
      return exit_error;
  }
}

}  // namespace

const Serializer& CommandContext::serializer_of(const std::string& topic) const {
  return *eventy::serializer_of(topics, topic);
}

Result<std::vector<Offset>> CommandContext::append(const std::string& topic,
                                                   std::vector<NewRecord> records) const {
  if (const auto configured = topics.partitioners.find(topic); configured != topics.partitioners.end())
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
