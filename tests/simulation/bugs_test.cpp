// An oracle that cannot fail proves nothing: every bug on purpose is found.
// ctest: TIMEOUT 300
#define CAF_SUITE seeded_bugs

#include "bugs.hpp"

#include <caf/test/unit_test.hpp>

#include "scenario.hpp"

using namespace eventy::simulation;

CAF_TEST(each_bug_on_purpose_is_found_within_a_thousand_seeds) {
  const auto all = bugs();
  CAF_CHECK_GREATER_OR_EQUAL(all.size(), 10u);
  for (const Bug& bug : all) {
    std::vector<std::string> wrong;
    std::uint64_t seed = 0;
    while (wrong.empty() && seed < 1'000) wrong = run({.seed = ++seed, .hooks = bug.make()}).wrong;
    CAF_CHECK(!wrong.empty());
    if (wrong.empty()) {
      CAF_ERROR("not found: " << bug.name);
    } else {
      CAF_MESSAGE(bug.name << ": found by seed " << seed << ": " << wrong.front());
    }
  }
}
