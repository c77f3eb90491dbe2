// The stores and formats that a configuration can name.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "eventy/config.hpp"
#include "eventy/core/record_schema.hpp"
#include "eventy/core/serializer.hpp"
#include "eventy/store/record_store.hpp"

namespace spdlog {
class logger;
}

namespace eventy {

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

}  // namespace eventy
