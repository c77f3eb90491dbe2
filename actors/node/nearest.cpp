#include <algorithm>
#include <numeric>

#include "document.hpp"

namespace eventy {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view written, const std::vector<std::string>& known) {
  std::optional<std::string> best;
  // A third of the word may be wrong. A word that is the beginning of a known one is similar too.
  std::size_t least = written.size() / 3 + 1;
  for (const auto& word : known) {
    const bool begins = written.size() >= 3 && word.starts_with(written);
    const std::size_t distance = begins ? 1 : edit_distance(written, word);
    if (distance <= least) least = distance, best = word;
  }
  return best;
}

}  // namespace eventy
