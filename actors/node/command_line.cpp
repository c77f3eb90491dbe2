#include "command_line.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <list>

#include "standard_streams.hpp"
#include "unknown_command.hpp"

namespace eventy {

const std::string& Arguments::text(std::string_view name) const {
  if (const auto it = values_.find(name); it != values_.end()) return it->second;
  if (const auto it = defaults_.find(name); it != defaults_.end()) return it->second;
  throw std::out_of_range("no option " + std::string(name) + " was declared");
}

std::uint64_t Arguments::number(std::string_view name, std::uint64_t min) const {
  const std::string& written = text(name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (error != std::errc() || end != written.data() + written.size() || value < min)
    throw UsageMistake({ErrorCode::invalid_argument, std::string(name) +
                                                         " must be a whole number of at least " +
                                                         std::to_string(min) + ", not \"" + written + "\""});
  return value;
}

namespace {

struct Common {
  std::string config, data;
  std::vector<std::string> sets;

  void add_to(CLI::App& command) {
    command
        .add_option("--config", config,
                    "Configuration file (default: config/embedded.toml, which is built in)")
        ->type_name("FILE");
    command.add_option("--data", data, "Folder of the store, for [store] path")->type_name("DIR");
    command.add_option("--set", sets, "Overrides a value of the file; may be repeated")
        ->type_name("SECTION.KEY=VALUE")
        ->expected(1)
        ->take_all();
  }
  void apply(const CLI::App& command, CommandLine& line) const {
    if (command.count("--config") > 0) line.config = Config::file(config);
    for (const auto& set : sets) set_from_argument(line.config, set);
    if (command.count("--data") > 0) line.config.set("store.path", data, "--data " + data);
  }
};

// An option of the App during parsing.
struct Declared {
  const Option* option;
  std::string value;
  bool flag;
};

struct Sub {
  CLI::App* command;
  Common common = {};
  std::list<Declared> declared = {};  // addresses must stay

  void add(const std::vector<Option>& options) {
    for (const auto& o : options) {
      auto& d = declared.emplace_back(Declared{&o, {}, false});
      if (o.takes == Option::Takes::nothing) {
        command->add_flag(o.name, d.flag, o.help);
        continue;
      }
      const auto help = o.default_value.empty() ? o.help : o.help + " (default: " + o.default_value + ")";
      auto* added = command->add_option(o.name, d.value, help);
      if (o.required) added->required();
    }
  }
  void collect(CommandLine& line) const {
    line.command = command->get_name();
    common.apply(*command, line);
    for (const auto& d : declared) {
      line.options.declare(d.option->name, d.option->default_value);
      if (command->count(d.option->name) > 0) line.options.set(d.option->name, d.flag ? "true" : d.value);
    }
  }
};

}  // namespace

Parsed parse_command_line(int argc, char** argv, const App& app) {
  CLI::App cli(app.description, app.name);
  cli.set_version_flag("--version", app.name + " " + app.version);
  cli.require_subcommand(1);
  std::list<Sub> subs;
  bool until_idle = false;
  const auto add = [&](const std::string& name, const std::string& help, const std::vector<Option>& options) {
    auto& sub = subs.emplace_back(Sub{cli.add_subcommand(name, help)});
    sub.common.add_to(*sub.command);
    sub.add(options);
    return sub.command;
  };
  add("run", "Run the services until SIGTERM or SIGINT", app.options)
      ->add_flag("--until-idle", until_idle, "Stop when every topic is read to its end and committed");
  add("check-config", "Check the configuration without opening anything", {});
  for (const auto& command : app.commands) add(command.name, command.help, command.options);

  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (const auto mistake = unknown_command(cli)) {
      say_on_standard_error(app.name + ": " + *mistake);
      return {.exit_code = exit_usage};
    }
    return {.exit_code = cli.exit(e) == 0 ? 0 : exit_usage};
  }
  CommandLine line;
  for (const auto& sub : subs)
    if (sub.command->parsed()) sub.collect(line);
  line.until_idle = until_idle;
  return {.line = std::move(line)};
}

}  // namespace eventy
