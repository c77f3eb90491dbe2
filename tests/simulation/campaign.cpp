#include "campaign.hpp"

namespace eventy::simulation {

Campaign run_seeds(std::uint64_t from, std::uint64_t count) {
  constexpr std::size_t enough = 10;  // seeds, to see what is wrong
  Campaign campaign;
  std::size_t failed = 0;
  for (std::uint64_t seed = from; seed < from + count && failed < enough; ++seed) {
    const Verdict verdict = run({.seed = seed});
    for (const auto& [kind, times] : verdict.fired) campaign.fired[kind] += times;
    if (verdict.wrong.empty()) continue;
    ++failed;
    const std::string number = std::to_string(seed);
    campaign.failures.push_back("seed " + number +
                                " fails; again, and step by step: build/release/tests/bin/" +
                                "simulate --seed " + number + " --trace");
    for (const auto& wrong : verdict.wrong) campaign.failures.push_back("  " + wrong);
  }
  return campaign;
}

const std::vector<std::string>& kinds_of_faults() {
  static const std::vector<std::string> kinds{
      // of the store
      "commit aborted", "answer lost, committed", "answer lost, aborted", "late answer", "short batch",
      "gap in the offsets", "append failed", "write failed", "written, but reported as failed",
      "commit failed before it was sent", "commit failed after it was sent", "state not readable",
      "session ended in a poll", "session ended in resolve()", "session threw no exception",
      // of nodes and partitions
      "node died", "node died in a call", "node died between cycles", "node died, a cycle open",
      "node died, a commit in flight", "a dead node's commit goes through", "node frozen",
      "node became a zombie", "a zombie's commit is refused", "node stopped", "node drained", "revoked",
      "lost", "all partitions of a node lost", "task crashed before a step", "task crashed after a step",
      "task restarted", "all restarted with a task", "tasks restarted with a source", "bridge restarted",
      "gave up: too many failures", "gave up: final failure", "service restarted", "node gave up",
      "date of a node set", "question answered", "a run without any loss",
      // of handlers and input
      "poison", "source threw no exception", "handler failed, and may be tried again", "out of memory",
      "slow handler", "stuck handler", "key parked", "partition paused", "process stopped by a policy",
      "input twice", "input without a key", "input at a wrong place", "input of a version that nobody reads",
      "input whose data does not fit", "input that is garbage"};
  return kinds;
}

}  // namespace eventy::simulation
