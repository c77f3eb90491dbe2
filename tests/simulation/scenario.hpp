// One simulated run: what a seed makes of cluster, input and faults, and what became of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventy/testing/simulation.hpp"
#include "script.hpp"

namespace eventy::simulation {

struct Verdict {
  std::vector<std::string> wrong = {};  // what the oracle found; empty: all is as it must be
  std::uint64_t trace_hash = 0;
  std::map<std::string, std::uint64_t, std::less<>> fired = {};
  std::size_t records = 0;
};

struct RunOptions {
  std::uint64_t seed = 1;
  testing::SimulationHooks hooks = {};
  std::function<void(std::string_view)> listen = {};
};

Verdict run(const RunOptions& options);

// Recomputes, from the input topics alone, what must be in the other topics and states.
// `calm`: nothing happened that may cost an at-most-once handler its run.
std::vector<std::string> judge(testing::SimulatedStore& store, const Script& script, bool calm);

}  // namespace eventy::simulation
