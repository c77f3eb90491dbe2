#include "../standard_streams.hpp"
#include "commands.hpp"
#include "eventy/core/one_line.hpp"

namespace eventy::detail {

namespace {

std::vector<RecordSchema> read(const Adapters& adapters, const std::string& path) {
  std::vector<RecordSchema> all;
  for (const auto& [name, read_schemas] : adapters.schemas) {
    auto some = read_schemas(path);
    if (!some) throw Failure({ErrorCode::configuration, some.error().message});
    all.insert(all.end(), some.value().begin(), some.value().end());
  }
  // A wrong folder must not look like one without changes.
  if (all.empty()) throw Failure({ErrorCode::configuration, path + ": contains no schemas"});
  return all;
}

}  // namespace

int check_schemas(const Adapters& adapters, const std::string& older, const std::string& newer) {
  bool is_compatible = true;
  for (const auto& finding : compare_schemas(read(adapters, older), read(adapters, newer))) {
    is_compatible = is_compatible && !finding.is_error;
    print_line(one_line(to_string(finding)));
  }
  if (!finish_output()) return exit_wrong_usage;
  return is_compatible ? exit_done : exit_incompatible;
}

}  // namespace eventy::detail
