// The configuration of a node: a TOML file, a text in the same format, or nothing, and values that replace
// those of the file. config/embedded.toml shows every key with its default.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/result.hpp"
#include "eventy/core/types.hpp"

namespace eventy {

// A value: copies are independent. Nothing is read or checked before a Node starts.
class Config {
 public:
  Config() = default;  // the built-in defaults
  static Config file(std::filesystem::path path);
  // `name` stands for a file name in errors.
  static Config text(std::string toml, std::string name = "the configuration");

  // Sets a value by its path, such as `store.path` or `kafka.librdkafka.linger.ms`. Later calls replace
  // earlier ones, and all replace what the file says. Errors name the value by `from`; default: the path.
  // Throws Failure (configuration) for a path without a section.
  Config& set(std::string_view path, std::string_view value, std::string from = {});
  Config& set(std::string_view path, const char* value) { return set(path, std::string_view(value)); }
  Config& set(std::string_view path, bool value) { return set_parsed(path, value ? "true" : "false"); }
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  Config& set(std::string_view path, Integer value) {
    return set_parsed(path, std::to_string(value));
  }
  // Like set(), for a value from a command line: TOML, or a text if it is no TOML.
  Config& set_parsed(std::string_view path, std::string_view value, std::string from = {});

  std::string name() const;  // the file, the text's name, or "built-in defaults"

 private:
  friend class Document;
  struct Value {
    std::string from, section, key, value;
    bool is_text;
  };
  void add(std::string_view path, std::string_view value, bool is_text, std::string from);

  std::string name_ = {}, text_ = {};
  bool is_file_ = false;
  std::vector<Value> values_ = {};
};

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
  // All values of this table and of the tables in it, by their paths with dots, if the keys are free. Dates
  // that TOML knows are texts in its form.
  struct Setting {
    std::string text = {};
    std::optional<std::vector<std::int64_t>> integers = {};  // set: it is a list of these
  };
  std::map<std::string, Setting> settings();
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

}  // namespace eventy
