#include "evsc_files.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

namespace eventy::avro::detail {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view extension = ".evsc.yaml";
constexpr int max_folders_deep = 32;  // a limit, because a link may lead back to its own folder

void find_files(const fs::path& folder, int depth, std::vector<fs::path>& files) {
  if (depth == max_folders_deep)
    throw Failure(
        {ErrorCode::configuration,
         folder.string() + ": folders are nested too deep; check for a link back to a parent folder"});
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (entry.is_directory()) {
      find_files(entry.path(), depth + 1, files);
    } else if (entry.is_regular_file() && name.ends_with(extension) && !name.starts_with('.')) {
      files.push_back(entry.path());
    }
  }
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) throw Failure({ErrorCode::io, file.string() + ": cannot be read"});
  return text;
}

}  // namespace

Result<void> for_each_evsc(const fs::path& file_or_folder, const std::function<void(const Evsc&)>& take) {
  try {
    std::vector<fs::path> files;
    if (fs::is_regular_file(file_or_folder)) {
      files.push_back(file_or_folder);
    } else {
      find_files(file_or_folder, 0, files);
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      try {
        take(parse_evsc(read_file(file)));
      } catch (const DecodeError& e) {
        throw Failure({ErrorCode::configuration, file.string() + ": " + e.what()});
      }
    }
    return {};
  } catch (const Failure& e) {
    return e.error();
  } catch (const fs::filesystem_error& e) {
    const auto code = e.code() == std::errc::no_such_file_or_directory ? ErrorCode::not_found
                      : e.code() == std::errc::permission_denied       ? ErrorCode::permission_denied
                                                                       : ErrorCode::io;
    return Error{code, e.path1().string() + ": " + e.code().message()};
  }
}

}  // namespace eventy::avro::detail
