// Many seeds in a row: the first failing ones with the command that runs them again, and what fired.
#pragma once

#include "scenario.hpp"

namespace eventy::simulation {

struct Campaign {
  std::vector<std::string> failures = {};  // lines for a person
  std::map<std::string, std::uint64_t, std::less<>> fired = {};
};
Campaign run_seeds(std::uint64_t from, std::uint64_t count);

// Every kind of fault that a simulation knows.
const std::vector<std::string>& kinds_of_faults();

}  // namespace eventy::simulation
