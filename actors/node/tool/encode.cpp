#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "commands.hpp"

namespace eventy::detail {

namespace {

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out)
    throw Failure({ErrorCode::io,
                   fmt::format("{}: {}", path.string(), errno ? std::strerror(errno) : "cannot be written")});
}

}  // namespace

int encode_lines(const Formats& formats, const std::string& folder) {
  std::filesystem::create_directories(folder);
  const auto decoder = formats.json->make_decoder();
  const auto encoder = formats.asked->make_encoder();
  bool all_good = true;
  std::string line;
  for (std::size_t n = 1; std::getline(std::cin, line); ++n) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    std::string bytes;
    try {
      bytes = encode(decode(line, *decoder), *encoder);
    } catch (const std::exception& e) {
      all_good = false;
      complain(fmt::format("line {}: {}", n, e.what()));
      continue;
    }
    // If a file cannot be written, the next lines will fail too: this ends the command.
    write_file(std::filesystem::path(folder) / fmt::format("{:06}.bin", n), bytes);
  }
  if (std::cin.bad()) {
    complain("standard input cannot be read");
    return exit_bad_record;
  }
  return all_good ? exit_done : exit_bad_record;
}

}  // namespace eventy::detail
