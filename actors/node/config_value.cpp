#include "eventy/config.hpp"

namespace eventy {

Config Config::file(std::filesystem::path path) {
  Config config;
  config.name_ = path.string();
  config.is_file_ = true;
  return config;
}

Config Config::text(std::string toml, std::string name) {
  Config config;
  config.name_ = std::move(name);
  config.text_ = std::move(toml);
  return config;
}

Config& Config::set(std::string_view path, std::string_view value, std::string from) {
  return add(path, value, true, std::move(from)), *this;
}

Config& Config::set_parsed(std::string_view path, std::string_view value, std::string from) {
  return add(path, value, false, std::move(from)), *this;
}

std::string Config::name() const { return name_.empty() ? "built-in defaults" : name_; }

void Config::add(std::string_view path, std::string_view value, bool is_text, std::string from) {
  if (from.empty()) from = path;
  const auto dot = path.find('.');
  if (dot == path.npos || dot == 0 || dot + 1 == path.size())
    throw Failure({ErrorCode::configuration, from + ": must be SECTION.KEY"});
  values_.push_back({std::move(from), std::string(path.substr(0, dot)), std::string(path.substr(dot + 1)),
                     std::string(value), is_text});
}

}  // namespace eventy
