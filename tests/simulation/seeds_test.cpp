// A thousand seeds: whatever fails, in whatever order, everything converges, and the oracle finds each
// guarantee kept.
// ctest: TIMEOUT 300
#define CAF_SUITE seeds

#include <caf/test/unit_test.hpp>

#include "campaign.hpp"

using namespace eventy::simulation;

CAF_TEST(a_thousand_seeds_keep_every_guarantee) {
  const Campaign campaign = run_seeds(1, 1'000);
  for (const auto& line : campaign.failures) CAF_ERROR(line);
  CAF_CHECK(campaign.failures.empty());
  for (const auto& [kind, times] : campaign.fired) CAF_MESSAGE(kind << ": " << times);
  for (const auto& kind : kinds_of_faults()) {
    if (!campaign.fired.contains(kind)) CAF_ERROR("never happened: " << kind);
    CAF_CHECK(campaign.fired.contains(kind));
  }
}

CAF_TEST(the_same_seed_takes_the_same_way) {
  std::set<std::uint64_t> ways;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::string first, second;
    const auto into = [](std::string& text) {
      return [&text](std::string_view line) { text.append(line).append("\n"); };
    };
    const auto one = run({.seed = seed, .listen = into(first)}).trace_hash;
    const auto two = run({.seed = seed, .listen = into(second)}).trace_hash;
    CAF_REQUIRE_EQUAL(one, two);
    CAF_REQUIRE(first == second);
    ways.insert(one);
  }
  CAF_CHECK_EQUAL(ways.size(), 40u);
}
