#include "rotation.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <tuple>
#include <vector>

#include "eventy/core/result.hpp"

namespace eventy::lines {

namespace {

struct Rotated {
  std::filesystem::path path;
  FileFacts facts;
  int generation = 0;  // 2 for `inbox.2`; 0 if the suffix is not a generation

  // Oldest first. If two were written at the same moment, their names decide.
  friend bool operator<(const Rotated& a, const Rotated& b) {
    return std::tuple(a.facts.written_ns, -a.generation, a.path.native()) <
           std::tuple(b.facts.written_ns, -b.generation, b.path.native());
  }
};

int generation_of(std::string_view suffix) {
  constexpr std::size_t max_digits = 4;  // longer numbers are dates
  int number = 0;
  const char* const end = suffix.data() + suffix.size();
  const auto [stop, error] = std::from_chars(suffix.data() + 1, end, number);
  return suffix[0] == '.' && suffix.size() <= max_digits + 1 && error == std::errc{} && stop == end ? number
                                                                                                    : 0;
}

std::vector<Rotated> rotations_of(const std::filesystem::path& path) {
  const std::string name = path.filename().native();
  std::filesystem::path folder = path.parent_path();
  if (folder.empty()) folder = ".";
  std::vector<Rotated> found;
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator(folder, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string other = it->path().filename().native();
    if (!is_rotation_of(name, other)) continue;
    std::error_code ignored;  // the file may be gone by now
    if (!it->is_regular_file(ignored)) continue;
    if (const auto facts = facts_of(it->path()))
      found.push_back({it->path(), *facts, generation_of(std::string_view(other).substr(name.size()))});
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Opens the file at this path if it is the one of the position.
std::optional<TextFile> opened(const std::filesystem::path& path, const LinePosition& at) {
  auto file = TextFile::open(path);
  if (!file || !file->continues(at.offset, at.fingerprint)) return std::nullopt;
  return file;
}

// The same for a file that may be unrelated: one that is not readable does not count.
std::optional<TextFile> opened_if_readable(const std::filesystem::path& path, const LinePosition& at) try {
  return opened(path, at);
} catch (const Failure&) {
  return std::nullopt;
}

}  // namespace

bool is_rotation_of(std::string_view name, std::string_view rotated) {
  if (!rotated.starts_with(name)) return false;
  const std::string_view suffix = rotated.substr(name.size());
  if (suffix.size() < 2 || (suffix[0] != '.' && suffix[0] != '-')) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return is_digit(suffix[1]) && std::all_of(suffix.begin() + 2, suffix.end(), [&](char c) {
           return is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == 'T';
         });
}

std::optional<TextFile> find(const std::filesystem::path& path, const LinePosition& at) {
  const FileId id{at.device, at.inode};
  auto rotated = rotations_of(path);
  if (const auto facts = facts_of(path); facts && facts->id == id)
    if (auto file = opened(path, at)) return file;
  for (const auto& other : rotated)
    if (other.facts.id == id)
      if (auto file = opened(other.path, at)) return file;
  if (at.offset == 0) return std::nullopt;  // no content to recognize it by
  if (auto file = opened(path, at)) return file;
  for (auto other = rotated.rbegin(); other != rotated.rend(); ++other)
    if (auto file = opened_if_readable(other->path, at)) return file;
  return std::nullopt;
}

std::optional<TextFile> next_after(const std::filesystem::path& path, const TextFile& finished) {
  const auto rotated = rotations_of(path);
  const FileFacts facts = finished.facts();
  auto next = std::find_if(rotated.begin(), rotated.end(),
                           [&](const Rotated& other) { return other.facts.id == facts.id; });
  if (next != rotated.end()) {
    ++next;
  } else {
    next = std::find_if(rotated.begin(), rotated.end(),
                        [&](const Rotated& other) { return other.facts.written_ns > facts.written_ns; });
  }
  for (; next != rotated.end(); ++next)
    if (auto file = TextFile::open(next->path)) return file;
  return TextFile::open(path);
}

}  // namespace eventy::lines
