#include "tests/bench/serializers/contest.hpp"

#include <ctime>

#include <algorithm>

namespace eventy::benchmark {

namespace {

// CPU time of this thread: others on the machine do not count.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double seconds_of(int passes, std::size_t way, const std::function<void(std::size_t)>& once) {
  const double start = cpu_seconds();
  for (int i = 0; i < passes; ++i) once(way);
  return cpu_seconds() - start;
}

double median_of(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.at(v.size() / 2);
}

std::string ratio_text(double ours, double theirs, double goal) {
  char text[64];
  if (theirs == 0) return "";
  std::snprintf(text, sizeof text, "%6.*f%s", ours < theirs / 10 ? 3 : 2, ours / theirs,
                goal == 0              ? ""
                : ours > goal * theirs ? " !"
                                       : "  ");
  return text;
}

}  // namespace

std::vector<double> time_in_turn(std::size_t ways, const std::function<void(std::size_t)>& once,
                                 const Options& options) {
  std::vector<int> passes;
  for (std::size_t way = 0; way < ways; ++way) {
    once(way);
    passes.push_back(std::max(1, static_cast<int>(options.slot / std::max(1e-6, seconds_of(1, way, once)))));
  }
  std::vector<std::vector<double>> times(ways);
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t k = 0; k < ways; ++k) {
      const std::size_t way = (k + static_cast<std::size_t>(round)) % ways;
      const double seconds = seconds_of(passes[way], way, once);
      times[way].push_back(seconds * 1e9 / passes[way] / static_cast<double>(sample_count));
    }
  }
  std::vector<double> medians;
  for (auto& t : times) medians.push_back(median_of(std::move(t)));
  return medians;
}

bool print_table(std::string_view title, const std::vector<Row>& rows) {
  std::printf("\n%-34.*s %9s %8s %9s %8s %7s %6s\n", static_cast<int>(title.size()), title.data(),
              "decode ns", "eventy/", "encode ns", "eventy/", "bytes", "goal");
  bool met = true;
  for (const Row& row : rows) {
    const Row& ours = rows.front();
    std::printf("  %-32s %9.0f %8s %9.0f %8s %7zu", row.name.c_str(), row.decode,
                ratio_text(ours.decode, row.decode, row.goal).c_str(), row.encode,
                ratio_text(ours.encode, row.encode, row.goal).c_str(), row.bytes);
    if (row.goal > 0) std::printf(" %6.2f", row.goal);
    std::printf("\n");
    met = met &&
          (row.goal == 0 || (ours.decode <= row.goal * row.decode && ours.encode <= row.goal * row.encode));
  }
  std::fflush(stdout);
  return met;
}

}  // namespace eventy::benchmark
