// Turns a program into a node: `int main(int argc, char** argv) { return eventy::run(argc, argv,
// {my_service()}); }`. The program gets the commands run, check-config, --help and --version, a configuration
// file, logs, and a clean shutdown. To run a node inside a program that has a main of its own, see node.hpp.
//
// Exit codes: 0 done; 1 any other error; 2 a mistake on the command line; 70 a supervisor gave up;
// 78 a mistake in the configuration; 128 + signal after a second SIGINT or SIGTERM.
#pragma once

#include "eventy/core/partitioner.hpp"
#include "eventy/node.hpp"

namespace eventy {

// An option of the command line.
struct Option {
  enum class Takes : std::uint8_t { value, nothing };
  std::string name;  // with its dashes
  std::string help = {};
  Takes takes = Takes::value;
  bool required = false;
  std::string default_value = {};
};
class Arguments {
 public:
  bool given(std::string_view name) const { return values_.contains(name); }
  // The given value, or the option's default. Throws std::out_of_range for an option that was not declared.
  const std::string& text(std::string_view name) const;
  // A whole number of at least `min`; throws Failure (ErrorCode::invalid_argument) that names the option.
  std::uint64_t number(std::string_view name, std::uint64_t min = 0) const;
  void declare(std::string name, std::string default_value) {
    defaults_[std::move(name)] = std::move(default_value);
  }
  void set(std::string name, std::string value) { values_[std::move(name)] = std::move(value); }

 private:
  std::map<std::string, std::string, std::less<>> values_ = {}, defaults_ = {};
};

// What a program's own command gets: the store with the requested access, and the configured formats.
struct CommandContext {
  const Arguments& options;
  RecordStore& store;
  const Serializer& serializer;  // for topics without one of their own
  const RuntimeOptions& topics;  // how topics are named, read and written, as the configuration says
  const StateFormat& state_format;
  std::uint32_t partitions;  // for topics that it creates
  // A service of the program with its formats and topics, as `run` has it if all its options have their
  // defaults. Made at the first call. Throws std::invalid_argument for a name that the program does not have,
  // and Failure if the services do not fit the configuration.
  const std::function<const ServiceRuntime&(const std::string& service)>& runtime;

  // The topic of the records of this kind and namespace.
  std::string topic_of(Kind kind, std::string_view ns) const { return eventy::topic_of(topics, kind, ns); }
  const Serializer& serializer_of(const std::string& topic) const;
  // Like RecordStore::append, with each key in the partition that the topic's partitioner chooses.
  Result<std::vector<Offset>> append(const std::string& topic, std::vector<NewRecord> records) const;
};
struct Command {
  std::string name, help;
  std::vector<Option> options = {};
  StoreAccess access = StoreAccess::read_only;    // or read_write
  std::function<int(const CommandContext&)> run;  // returns the exit code
};

// The progress of a running node. Read committed positions and states from the store.
struct Progress {
  const RecordStore& store;
  const StateFormat& state_format;
  const Arguments& options;
  Duration elapsed;  // since the node started
  bool last;         // the node has stopped
};

// A program with services and, optionally, commands, options and a configuration table of its own.
struct App {
  std::string name = {};     // default: the name of the executable file
  std::string version = {};  // default: the version of this library
  std::string description = {};
  std::vector<Option> options = {};  // additional options of `run`
  // A table of its own in the configuration, by that name. `configure` reads its keys, before anything else.
  std::string section = {};
  std::function<void(Section&)> configure = {};
  std::function<std::vector<Service>(const Arguments&)> services;  // may throw Failure
  std::vector<Command> commands = {};
  std::function<void(const Progress&)> progress = {};  // about every 200 ms, and once at the end
};

int run(int argc, char** argv, App app, Adapters adapters = builtin_adapters());
int run(int argc, char** argv, std::vector<Service> services, Adapters adapters = builtin_adapters());

}  // namespace eventy
