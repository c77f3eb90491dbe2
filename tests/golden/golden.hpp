// The golden files: what SHA256SUMS lists, and what each must read as.
#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "../interop/describe.hpp"
#include "eventy/json/json.hpp"

namespace golden {

inline const std::string folder = EVENTY_SOURCE_DIR "/tests/golden/";

inline std::string read_file(const std::string& name) {
  std::ifstream in(folder + name, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) throw std::runtime_error(name + ": cannot be read");
  return bytes;
}

// Of all files that are listed in a folder, as `json/3/`: their names without `.bin`. There is at least one.
inline std::vector<std::string> listed(const std::string& within) {
  std::istringstream lines(read_file("SHA256SUMS"));
  std::vector<std::string> names;
  for (std::string sum, name; lines >> sum >> name;)
    if (name.starts_with(within) && name.ends_with(".bin")) names.push_back(name.substr(0, name.size() - 4));
  if (names.empty()) throw std::runtime_error("no file is listed in " + within);
  return names;
}

inline eventy::Value wanted(const std::string& name) {
  return eventy::json::parse(read_file(name + ".json"));
}

// What is different, as lines `path=kind:value` of either side; empty: nothing.
template <class A, class B>
std::string differences(const A& found, const B& wanted) {
  const auto a = interop::describe(found), b = interop::describe(wanted);
  std::string out;
  const auto add = [&](const char* side, const auto& lines, const auto& others) {
    std::vector<std::string> only;
    std::set_difference(lines.begin(), lines.end(), others.begin(), others.end(), std::back_inserter(only));
    for (const auto& line : only) out += side + line + "\n";
  };
  add("found  ", a, b), add("wanted ", b, a);
  return out;
}

}  // namespace golden
