#include "node_id.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "eventy/core/ids.hpp"

namespace eventy {

namespace {

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

std::string host_name() {
  std::array<char, 65> name{};  // the system's limit is 64
  std::string host = ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
  std::replace_if(
      host.begin(), host.end(), [](char c) { return !allowed(c); }, '-');
  return host.empty() ? "node" : host;
}

std::string real_path(const std::filesystem::path& folder) {
  std::error_code failed;
  const auto path = std::filesystem::weakly_canonical(std::filesystem::absolute(folder), failed);
  const auto text = (failed ? std::filesystem::absolute(folder).lexically_normal() : path).string();
  return text.size() > 1 && text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
}

}  // namespace

bool is_node_id(std::string_view id) {
  return !id.empty() && id.size() <= longest_node_id && std::all_of(id.begin(), id.end(), allowed);
}

std::string default_node_id(const std::filesystem::path& folder) {
  return fmt::format("{}-{:08x}", host_name(), crc32(real_path(folder)));
}

}  // namespace eventy
