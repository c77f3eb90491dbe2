// Runs seeds of the simulation: one with its trace, or many until one fails.
//
//   simulate --seed 17 [--trace]
//   simulate --from 1 --seeds 1000 [--first]    # ends at the first seed that fails
#include <cstdio>
#include <cstdlib>
#include <string>

#include "scenario.hpp"

namespace {

using eventy::simulation::Verdict;

int usage() {
  std::fputs("usage: simulate --seed N [--trace] | simulate [--from N] --seeds COUNT [--first]\n", stderr);
  return 2;
}

bool report(std::uint64_t seed, const Verdict& verdict) {
  for (const auto& wrong : verdict.wrong)
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), wrong.c_str());
  return verdict.wrong.empty();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t from = 1, seeds = 1;
  bool trace = false, only_first = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto number = [&] { return ++i < argc ? std::strtoull(argv[i], nullptr, 10) : 0; };
    if (option == "--seed") {
      from = number();
    } else if (option == "--from") {
      from = number();
    } else if (option == "--seeds") {
      seeds = number();
    } else if (option == "--first") {
      only_first = true;
    } else if (option == "--trace") {
      trace = true;
    } else {
      return usage();
    }
  }
  bool good = true;
  std::map<std::string, std::uint64_t, std::less<>> fired;
  for (std::uint64_t seed = from; seed < from + seeds && (good || !only_first); ++seed) {
    eventy::simulation::RunOptions options{.seed = seed};
    if (trace)
      options.listen = [](std::string_view line) {
        std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
      };
    const Verdict verdict = run(options);
    good = report(seed, verdict) && good;
    for (const auto& [kind, count] : verdict.fired) fired[kind] += count;
    if (seeds == 1) std::printf("trace hash %016llx\n", static_cast<unsigned long long>(verdict.trace_hash));
  }
  for (const auto& [kind, count] : fired)
    std::printf("%10llu  %s\n", static_cast<unsigned long long>(count), kind.c_str());
  return good ? 0 : 1;
}
