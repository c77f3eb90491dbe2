#include "tests/bench/serializers/peer.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/support/temporary_folder.hpp"

namespace eventy::benchmark {

namespace {

constexpr const char* folder_of_schemas = EVENTY_SOURCE_DIR "/tests/bench/serializers";

std::string file_of(const std::string& folder, std::size_t number, const char* suffix) {
  char name[32];
  std::snprintf(name, sizeof name, "/%04zu.%s", number, suffix);
  return folder + name;
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

}  // namespace

PeerTimes run_peer(const std::string& python, const std::string& format,
                   const std::vector<std::string>& records, int passes) {
  const eventy::tests::TemporaryFolder temporary;
  const std::string folder = temporary.path();
  for (std::size_t i = 0; i < records.size(); ++i)
    std::ofstream(file_of(folder, i, "in"), std::ios::binary) << records[i];
  const std::string command = quoted(python) + " -B " + quoted(std::string(folder_of_schemas) + "/peer.py") +
                              " " + format + " " + quoted(folder) + " " + quoted(folder_of_schemas) + " " +
                              std::to_string(passes);
  std::FILE* output = popen(command.c_str(), "r");
  if (!output) throw std::runtime_error("cannot start " + python);
  PeerTimes times;
  const int found = std::fscanf(output, "%lf %lf", &times.decode, &times.encode);
  if (pclose(output) != 0 || found != 2) throw std::runtime_error("the Python peer failed");
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::ifstream in(file_of(folder, i, "out"), std::ios::binary);
    times.written.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return times;
}

}  // namespace eventy::benchmark
