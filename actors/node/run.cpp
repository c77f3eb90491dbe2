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
#include "running_node.hpp"
#include "runtimes.hpp"
#include "signals.hpp"
#include "standard_streams.hpp"

namespace eventy {

namespace {

constexpr int exit_error = 1, exit_gave_up = 70, exit_configuration = 78;
constexpr Duration idle_check{20};

int complain(const App& app, const std::string& what, int code) {
  say_on_standard_error(app.name + ": " + what);
  return code;
}

// A configuration that is read and checked, with what it names.
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

// A program's progress display must not end its work.
class ProgressOf {
 public:
  ProgressOf(const App& app, const Arguments& options, const RunningNode& node, spdlog::logger& log)
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
  const RunningNode& node_;
  spdlog::logger& log_;
  bool has_failed_ = false;
};

RunningNode::End wait_with_signals(RunningNode& node, Signals& signals, spdlog::logger& log,
                                   const std::function<void(bool last)>& progress) {
  const Signals::Watcher watching(signals, [&](int signal) {
    log.info("{}: draining; a second signal ends the process at once",
             signal == SIGINT ? "SIGINT" : "SIGTERM");
    node.drain();
  });
  return node.wait(progress);
}

int exit_code_of(RunningNode::End end) {
  switch (end) {
    case RunningNode::End::drained:
      return 0;
    case RunningNode::End::failed:
      return exit_gave_up;
    case RunningNode::End::handed_over:
    case RunningNode::End::not_drained:
      return exit_error;
  }
  return exit_error;
}

// Why the node gave up draining, and what held it up.
std::string why_not_drained(const RunningNode& node, RunningNode::End end, Duration timeout) {
  const std::string what =
      end == RunningNode::End::handed_over
          ? "not all is drained: the work of handlers that do not return is aborted and redone by the next "
            "owner"
          : fmt::format(
                "not drained within {} ms: ending without committing the work in progress; it is "
                "redone after the next start",
                timeout.count());
  const auto names = node.busy_handlers();
  return what + (names.empty() ? "" : ". Still running: " + names);
}

int run_node(const App& app, const CommandLine& line, const Adapters& adapters, Configured& configured) {
  Signals signals;  // before any other thread
  const NodeConfig& config = configured.config;
  const auto log = make_log(config.log_level);
  RunningNode node(app.services(line.options), configured.document, config, adapters, log);
  node.start(line.until_idle ? idle_check : Duration(0));
  const auto end = wait_with_signals(node, signals, *log, ProgressOf(app, line.options, node, *log));
  const int code = exit_code_of(end);
  if (code == exit_error) complain(app, why_not_drained(node, end, config.drain_timeout), code);
  const bool all_ended = node.stop();
  log->flush();
  if (code == exit_gave_up) complain(app, node.failure(), code);  // the last line says why
  std::fflush(stderr);
  if (!all_ended) std::_Exit(code);  // what still runs has nothing to commit
  return code;
}

int run_command(const Command& command, const CommandLine& line, const Adapters& adapters,
                Configured& configured) {
  const auto& config = configured.config;
  const auto store =
      make_store(configured.document, config, adapters, command.access, make_log(config.log_level)).value();
  const NodeSerializers formats(config, adapters);
  return command.run({line.options, *store, *formats.common, formats.named,
                      *adapters.state_formats.at(config.state), config.partitions, config.partitioners});
}

// A command whose output was lost has failed. A node that has done its work has not.
int with_output(const App& app, int code) {
  if (standard_output_is_written()) return code;
  return complain(app, fmt::format("standard output: {}", std::strerror(errno)),
                  code == 0 ? exit_error : code);
}

int dispatch(const App& app, const CommandLine& line, const Adapters& adapters) {
  Configured configured(app, line, adapters);
  if (line.command == "check-config") {
    // Services that depend on options of `run` are unknown here.
    if (app.options.empty()) make_runtimes(app.services(line.options), configured.config, adapters, nullptr);
    print_line(line.config.value_or("built-in defaults") + ": the configuration is valid");
    return with_output(app, 0);
  }
  for (const auto& command : app.commands)
    if (command.name == line.command)
      return with_output(app, run_command(command, line, adapters, configured));
  return run_node(app, line, adapters, configured);
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
