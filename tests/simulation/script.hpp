// How the handlers of a simulation misbehave: settled by the seed, for each handler and record. Lives outside
// of what can crash, so that a handler that fails twice fails twice in all.
#pragma once

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "eventy/service.hpp"
#include "eventy/testing/simulation.hpp"

namespace eventy::simulation {

struct Busy : std::runtime_error {  // goes away when one tries again
  using runtime_error::runtime_error;
};
struct Poison : std::runtime_error {  // does not
  using runtime_error::runtime_error;
};
struct Blocked : std::runtime_error {  // until everything heals: the key waits, parked
  using runtime_error::runtime_error;
};
struct Down : std::runtime_error {  // until everything heals: the partition pauses
  using runtime_error::runtime_error;
};
struct Fatal : std::runtime_error {  // the process is to end; the next one may have more luck
  using runtime_error::runtime_error;
};

class Script {
 public:
  explicit Script(std::uint64_t seed) : seed_(seed) {}
  enum class Act : std::uint8_t {
    works,
    poison,
    fails_a_few_times,
    out_of_memory,
    slow,
    stuck,
    parks_its_key,
    pauses,
    stops_the_process
  };
  Act act(std::string_view handler, std::uint64_t id) const;
  bool is_poison(std::string_view handler, std::uint64_t id) const { return act(handler, id) == Act::poison; }
  // Called by a handler before it does its work. `input` names the record.
  void play(std::string_view handler, std::uint64_t id, std::string_view input);
  // Called by an at-most-once handler, which must not run before its position is committed.
  void runs_at_most_once(const Meta& meta, std::string_view service);

  testing::Simulation* simulation = nullptr;
  std::int64_t ticks = 0;  // that the source finds
  bool healed = false;     // what was blocked or down works again
  std::vector<std::string> broken = {};

 private:
  void fail_a_few_times(Act what, std::uint64_t id, std::string_view handler, std::string_view input);
  std::uint64_t seed_;
  std::map<std::pair<std::string, std::string>, int> failures_;
};

Service alpha(std::shared_ptr<Script> script);
Service beta(std::shared_ptr<Script> script);

}  // namespace eventy::simulation
