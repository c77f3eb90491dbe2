#include "document.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

namespace eventy {

namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Failure({ErrorCode::configuration, where + ": " + what});
}

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string list_of(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& w : words) out += (out.empty() ? "" : ", ") + w;
  return out.empty() ? "none" : out;
}

std::string hint(std::string_view written, const std::vector<std::string>& known) {
  const auto near = nearest(written, known);
  return near ? "; did you mean " + in_quotes(*near) + "?" : "";
}

// Keys of earlier releases and their current names.
constexpr std::pair<std::string_view, std::string_view> renamed_keys[] = {
    {"most_backoff_ms", "max_backoff_ms"},
    {"calm_ms", "reset_backoff_after_ms"},
    {"batches_in_flight", "max_batches_in_flight"},
    {"parked_records_per_key", "max_parked_records_per_key"},
    {"parked_records", "max_parked_records"},
    {"parked_bytes", "max_parked_bytes"},
    {"parked_record_bytes", "max_parked_record_bytes"}};

std::string hint_for_key(std::string_view written, const std::vector<std::string>& known) {
  for (const auto& [before, now] : renamed_keys)
    if (written == before && std::find(known.begin(), known.end(), now) != known.end())
      return "; it is called " + in_quotes(now) + " now.";
  return hint(written, known);
}

std::string type_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::string read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) refuse(path, "is a folder, not a configuration file");
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(path, "cannot be read: " + std::string(std::strerror(errno)));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

toml::table parse(const std::string& text, const std::string& path) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& e) {
    refuse(path + ":" + std::to_string(e.source().begin.line), std::string(e.description()));
  }
}

}  // namespace

struct Document::Impl {
  toml::table table = {};
  std::string path = {};
  std::map<std::string, std::string> options = {};  // `section.key` → the option that set it
  std::map<std::string, std::shared_ptr<Section::Impl>> sections = {};

  std::string place(const std::string& section, std::string_view key,
                    const toml::source_region& source) const {
    if (const auto it = options.find(section + "." + std::string(key)); it != options.end())
      return it->second;
    return path + ":" + std::to_string(source.begin.line);
  }
};

struct Section::Impl {
  std::string name;  // the path with dots
  std::shared_ptr<Document::Impl> document;
  std::vector<std::string> path;  // more than one: a table in a table
  std::vector<std::string> known = {};
  std::vector<std::string> inner = {};  // prefixes of keys that belong to tables in this one

  const toml::table* table() const {
    const toml::table* at = &document->table;
    for (const auto& step : path) {
      const auto* node = at->get(step);
      at = node ? node->as_table() : nullptr;
      if (!at) return nullptr;
    }
    return at;
  }
  // Values from the command line are in the outermost table, under keys with dots.
  const toml::table* outermost() const { return document->table[path.front()].as_table(); }
  std::string prefix() const { return path.size() == 1 ? "" : name.substr(path.front().size() + 1) + "."; }

  const toml::node* find(std::string_view key) {
    if (std::find(known.begin(), known.end(), key) == known.end()) known.emplace_back(key);
    if (path.size() > 1 && outermost())
      if (const auto* node = outermost()->get(prefix() + std::string(key))) return node;
    return table() ? table()->get(key) : nullptr;
  }
  bool is_inner(std::string_view key) const {
    return std::any_of(inner.begin(), inner.end(), [&](const auto& i) { return key.starts_with(i); });
  }
  void refuse_unknown(const toml::table& in, const std::string& before) const {
    for (const auto& [written, node] : in) {
      const std::string_view full = written.str();
      if (!full.starts_with(before)) continue;
      const std::string_view key = full.substr(before.size());
      if (std::find(known.begin(), known.end(), key) != known.end() || is_inner(key)) continue;
      eventy::refuse(document->place(name, key, written.source()), "unknown key " + in_quotes(key) + " in [" +
                                                                       name + "]" + hint_for_key(key, known) +
                                                                       " Known keys: " + list_of(known));
    }
  }
  [[noreturn]] void refuse(std::string_view key, const std::string& what) const {
    eventy::refuse(place(key), "[" + name + "] " + std::string(key) + " " + what);
  }
  // The place of the key, or of the first key below it that was written with dots.
  std::string place(std::string_view key) const {
    const auto option = document->options.find(name + "." + std::string(key));
    if (option != document->options.end()) return option->second;
    if (const auto* written = table()) {
      if (const auto* node = written->get(key)) return document->place(name, key, node->source());
      const std::string below = std::string(key) + ".";
      for (const auto& [other, node] : *written)
        if (other.str().starts_with(below)) return document->place(name, other.str(), node.source());
      for (auto dot = key.rfind('.'); dot != key.npos && dot > 0; dot = key.rfind('.', dot - 1))
        if (const auto* node = written->get(key.substr(0, dot)))
          return document->place(name, key.substr(0, dot), node->source());
    }
    return "built-in default";
  }
  // The value of the key, if present; an error if it is not of type T.
  template <class T>
  std::optional<T> get(std::string_view key, const char* wanted) {
    const auto* node = find(key);
    if (!node) return std::nullopt;
    const auto value = node->value_exact<T>();
    if (!value) refuse(key, "must be " + std::string(wanted) + ", not " + type_of(*node));
    return value;
  }
};

// --- Document ---

void set_from_argument(Config& config, const std::string& argument) {
  const auto equals = argument.find('=');
  const auto dot = argument.find('.');
  // Without the value: it may be a secret, and errors show this text.
  const std::string option = "--set " + argument.substr(0, equals);
  if (equals == argument.npos || dot == argument.npos || dot > equals || dot == 0 || dot + 1 == equals)
    refuse(option, "must be SECTION.KEY=VALUE");
  config.set_parsed(argument.substr(0, equals), argument.substr(equals + 1), option);
}

Document::Document(const Config& config) : impl_(std::make_shared<Impl>()) {
  if (!config.name_.empty()) {
    impl_->path = config.name_;
    impl_->table = parse(config.is_file_ ? read_file(config.name_) : config.text_, config.name_);
  }
  for (const auto& v : config.values_) {
    if (!impl_->table.contains(v.section)) impl_->table.insert(v.section, toml::table{});
    auto* section = impl_->table[v.section].as_table();
    if (!section) refuse(v.from, "[" + v.section + "] is not a section");
    impl_->options[v.section + "." + v.key] = v.from;
    toml::table parsed;
    if (!v.is_text) {
      try {
        parsed = toml::parse("value = " + v.value);
      } catch (const toml::parse_error&) {  // a bare text
      }
    }
    if (parsed.size() == 1 && parsed.contains("value")) {
      section->insert_or_assign(v.key, std::move(*parsed.get("value")));
    } else {
      section->insert_or_assign(v.key, v.value);
    }
  }
}

// Sections and the document reference each other.
Document::~Document() { impl_->sections.clear(); }

Section Document::section(const std::string& name) {
  auto& section = impl_->sections[name];
  if (!section) section = std::make_shared<Section::Impl>(Section::Impl{name, impl_, {name}});
  if (const auto* node = impl_->table.get(name); node && !node->is_table())
    refuse(impl_->path + ":" + std::to_string(node->source().begin.line),
           in_quotes(name) + " must be a section [" + name + "], not " + type_of(*node));
  return Section(section);
}

std::optional<std::string> Document::text_at(const std::string& section, std::string_view key) const {
  return impl_->table[section][key].value_exact<std::string>();
}

void Document::finish() const {
  std::vector<std::string> known;
  for (const auto& section : impl_->sections)
    if (section.second->path.size() == 1) known.push_back(section.first);
  for (const auto& [key, node] : impl_->table) {
    const std::string name(key.str());
    if (impl_->sections.contains(name)) continue;
    std::string where = impl_->path + ":" + std::to_string(key.source().begin.line);
    for (const auto& [path, option] : impl_->options)
      if (path.starts_with(name + ".")) where = option;
    refuse(where,
           "unknown section [" + name + "]" + hint(name, known) + " Known sections: " + list_of(known));
  }
}

std::vector<std::string> Document::absent() const {
  std::vector<std::string> out;
  for (const auto& [name, section] : impl_->sections)
    for (const auto& key : section->known)
      if (!section->table() || !section->table()->contains(key)) out.push_back(name + "." + key);
  return out;
}

// --- Section ---

bool Section::boolean(std::string_view key, bool default_value) {
  return impl_->get<bool>(key, "true or false").value_or(default_value);
}

std::string Section::text(std::string_view key, std::string_view default_value) {
  return impl_->get<std::string>(key, "a text").value_or(std::string(default_value));
}

std::int64_t Section::integer(std::string_view key, std::int64_t default_value, std::int64_t min,
                              std::int64_t max) {
  const auto value = impl_->get<std::int64_t>(key, "an integer").value_or(default_value);
  if (value < min)
    impl_->refuse(key, "must be at least " + std::to_string(min) + ", not " + std::to_string(value));
  if (value > max)
    impl_->refuse(key, "must be at most " + std::to_string(max) + ", not " + std::to_string(value));
  return value;
}

std::size_t Section::size(std::string_view key, std::size_t default_value, std::size_t min) {
  return static_cast<std::size_t>(
      integer(key, static_cast<std::int64_t>(default_value), static_cast<std::int64_t>(min)));
}

Duration Section::milliseconds(std::string_view key, Duration default_value) {
  return Duration(integer(key, default_value.count(), 0, 1'000'000'000'000));
}

std::map<std::string, std::string> Section::texts() {
  std::map<std::string, std::string> out;
  if (const auto* table = impl_->table())
    for (const auto& entry : *table) out.emplace(entry.first.str(), text(entry.first.str(), ""));
  return out;
}

std::map<std::string, std::string> Section::properties(std::string_view key) {
  std::map<std::string, std::string> out;
  const std::string prefix = std::string(key) + ".";
  const std::function<void(const std::string&, const toml::node&)> add = [&](const std::string& name,
                                                                             const toml::node& node) {
    if (const auto* table = node.as_table()) {
      for (const auto& [inner, value] : *table) add(name + "." + std::string(inner.str()), value);
    } else if (const auto text = node.value_exact<std::string>()) {
      out[name.substr(prefix.size())] = *text;
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      out[name.substr(prefix.size())] = std::to_string(*number);
    } else if (const auto truth = node.value_exact<bool>()) {
      out[name.substr(prefix.size())] = *truth ? "true" : "false";
    } else {
      impl_->refuse(key, "must hold texts, integers, true or false; " + name + " is " + type_of(node));
    }
  };
  (void)impl_->find(key);
  if (!impl_->table()) return out;
  for (const auto& [name, node] : *impl_->table()) {
    if (name.str() == key && !node.is_table()) impl_->refuse(key, "must be a table, not " + type_of(node));
    if (name.str() != key && !name.str().starts_with(prefix)) continue;
    (void)impl_->find(name.str());
    add(std::string(name.str()), node);
  }
  return out;
}

namespace {

std::optional<Section::Setting> setting_of(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return Section::Setting{*text, {}};
  std::ostringstream date;
  if (const auto* day = node.as_date()) date << day->get();
  if (const auto* time = node.as_date_time()) date << time->get();
  if (!date.str().empty()) return Section::Setting{date.str(), {}};
  const auto* list = node.as_array();
  if (!list) return {};
  Section::Setting setting{{}, std::vector<std::int64_t>()};
  for (const auto& item : *list) {
    const auto number = item.value_exact<std::int64_t>();
    if (!number) return {};
    setting.integers->push_back(*number);
  }
  return setting;
}

}  // namespace

std::map<std::string, Section::Setting> Section::settings() {
  std::map<std::string, Setting> out;
  const std::function<void(const std::string&, const toml::node&)> add = [&](const std::string& path,
                                                                             const toml::node& node) {
    if (const auto* table = node.as_table()) {
      for (const auto& [inner, value] : *table) add(path + "." + std::string(inner.str()), value);
    } else if (auto setting = setting_of(node)) {
      out[path] = *std::move(setting);
    } else {
      impl_->refuse(path, "must be a text, a date or a list of integers, not " + type_of(node));
    }
  };
  if (const auto* table = impl_->table())
    for (const auto& [key, node] : *table) {
      (void)impl_->find(key.str());
      add(std::string(key.str()), node);
    }
  return out;
}

void Section::fail(std::string_view key, const std::string& what) const { impl_->refuse(key, what); }

void Section::finish() const {
  if (const auto* table = impl_->table()) impl_->refuse_unknown(*table, "");
  if (impl_->path.size() > 1 && impl_->outermost())
    impl_->refuse_unknown(*impl_->outermost(), impl_->prefix());
}

Section Section::table(const std::string& key) {
  auto path = impl_->path;
  path.push_back(key);
  if (const auto* node = impl_->find(key); node && !node->is_table())
    impl_->refuse(key, "must be a table, not " + type_of(*node));
  impl_->inner.push_back(key + ".");
  auto& sections = impl_->document->sections;
  auto& section = sections[impl_->name + "." + key];
  if (!section)
    section = std::make_shared<Impl>(Impl{impl_->name + "." + key, impl_->document, std::move(path)});
  return Section(section);
}

std::vector<std::string> Section::names(std::initializer_list<std::string_view> inner) const {
  std::set<std::string> names;
  const auto* table = impl_->table();
  if (!table) return {};
  for (const auto& [key, node] : *table) {
    const std::string name = std::string(key.str()) + '.';
    if (node.is_table()) names.emplace(key.str());
    for (const auto within : inner)  // set on the command line
      if (const auto at = name.rfind("." + std::string(within) + "."); !node.is_table() && at != name.npos)
        names.emplace(name.substr(0, at));
  }
  return {names.begin(), names.end()};
}

}  // namespace eventy
