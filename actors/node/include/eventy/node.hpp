// Turns a program into a node: `int main(int argc, char** argv) { return eventy::run(argc, argv,
// {my_service()}); }`. The program gets the commands run, check-config, --help and --version, a configuration
// file, logs, and a clean shutdown.
//
// Exit codes: 0 done; 1 any other error; 2 a mistake on the command line; 70 a supervisor gave up;
// 78 a mistake in the configuration; 128 + signal after a second SIGINT or SIGTERM.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "eventy/core/partitioner.hpp"
#include "eventy/core/record_schema.hpp"
#include "eventy/core/serializer.hpp"
#include "eventy/engine/runtime.hpp"
#include "eventy/service.hpp"
#include "eventy/store/record_store.hpp"

namespace eventy {

// One table of the configuration, such as `[store]`. It remembers every key that was read; finish() rejects
// the others. Errors are thrown as Failure (ErrorCode::configuration), with the file and line or the option.
class Section {
 public:
  struct Impl;
  explicit Section(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

  bool boolean(std::string_view key, bool default_value);
  std::string text(std::string_view key, std::string_view default_value);
  std::int64_t integer(std::string_view key, std::int64_t default_value, std::int64_t min = INT64_MIN,
                       std::int64_t max = INT64_MAX);
  std::size_t size(std::string_view key, std::size_t default_value, std::size_t min = 0);
  Duration milliseconds(std::string_view key, Duration default_value);  // an integer, not negative
  std::map<std::string, std::string> texts();  // the whole table, if its keys are free
  // A table in this table with free keys, which may contain dots. Values are texts, integers and booleans.
  std::map<std::string, std::string> properties(std::string_view key);
  // A table in this table that is read like any section: `[services.orders]`.
  Section table(const std::string& key);
  // The names of the tables in this one, if the names are free and each table holds the tables or keys
  // `inner`: with `[services.orders.supervision]`, `orders` is a name.
  std::vector<std::string> names(std::initializer_list<std::string_view> inner) const;
  // Throws an error about the value of this key.
  [[noreturn]] void fail(std::string_view key, const std::string& what) const;
  // Throws if the table has a key that was never read: names it, the most similar and all known keys.
  void finish() const;

 private:
  std::shared_ptr<Impl> impl_;
};

enum class StoreAccess : std::uint8_t {
  none,        // the configuration is only checked: nothing is opened; returns null
  read_only,   // works while another process writes
  read_write,  // reads and writes records; runs no services
  sessions     // like read_write, and this process runs services on the store
};
struct NodeOptions {
  std::string id;  // the node's id
  StoreAccess access = StoreAccess::read_write;
  std::function<Section(const std::string& name)> section = {};  // other tables of the configuration
  std::shared_ptr<spdlog::logger> log = {};                      // null: silent
};

// Makes a store from its table: reads its keys, calls finish(), and only then opens anything.
using MakeStore = std::function<Result<std::unique_ptr<RecordStore>>(Section&, const NodeOptions&)>;

// Options for making a format.
struct FormatOptions {
  std::string schemas = {};  // the folder of the schemas; empty: none
};

// Makes a serializer: either a given one, which ignores the options, or the result of a function of them.
class MakeSerializer {
 public:
  MakeSerializer() = default;
  using Made = std::shared_ptr<const Serializer>;
  using Function = std::function<Result<Made>(const FormatOptions&)>;

  template <std::convertible_to<Made> S>
  MakeSerializer(S serializer)
      : make_([made = Made(std::move(serializer))](const FormatOptions&) -> Result<Made> { return made; }) {}
  template <class F>
    requires std::is_invocable_r_v<Result<Made>, const F&, const FormatOptions&>
  MakeSerializer(F make) : make_(std::move(make)) {}
  Result<Made> operator()(const FormatOptions& options) const { return make_(options); }

 private:
  Function make_;
};

// The names that a configuration can use. A plain value: a program adds its own.
struct Adapters {
  std::map<std::string, MakeStore> stores = {};                                  // [store] type
  std::map<std::string, MakeSerializer> serializers = {};                        // [format] records
  std::map<std::string, std::shared_ptr<const StateFormat>> state_formats = {};  // [format] state
  // Read the schemas of a file or a folder, for `eventy schema check`. By the name of the format.
  using ReadSchemas = std::function<Result<std::vector<RecordSchema>>(const std::string& path)>;
  std::map<std::string, ReadSchemas> schemas = {};
};
Adapters builtin_adapters();  // the adapters that this build contains

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
  const Serializer& serializer;  // for topics that `serializers` does not name
  const std::map<std::string, std::shared_ptr<const Serializer>>& serializers;  // [serializers]
  const StateFormat& state_format;
  std::uint32_t partitions;                                // for topics that it creates
  const std::map<std::string, Partitioner>& partitioners;  // by topic; default: crc32

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
