// Bugs on purpose: each takes one remedy out, by a hook of the simulation, so that the product's code knows
// nothing of it. The oracle must find each.
#pragma once

#include "eventy/testing/simulation.hpp"

namespace eventy::simulation {

struct Bug {
  std::string name;
  std::function<testing::SimulationHooks()> make;  // anew for each run
};
std::vector<Bug> bugs();

std::vector<Bug> bugs_of_sessions();  // bugs_of_sessions.cpp
std::vector<Bug> bugs_of_cycles();    // bugs_of_cycles.cpp
std::vector<Bug> bugs_of_mail();      // bugs.cpp

// A bug that is a session of its own kind, around the right one.
using MakeSession =
    std::function<std::unique_ptr<StoreSession>(std::unique_ptr<StoreSession>, const SessionOptions&)>;
inline testing::SimulationHooks with_session(MakeSession make) {
  testing::SimulationHooks hooks;
  hooks.session = std::move(make);
  return hooks;
}
template <class Session>
Bug bug_of_session(std::string name) {
  return {std::move(name), [] {
            return with_session([](std::unique_ptr<StoreSession> inner, const SessionOptions&) {
              return std::make_unique<Session>(std::move(inner));
            });
          }};
}

}  // namespace eventy::simulation
