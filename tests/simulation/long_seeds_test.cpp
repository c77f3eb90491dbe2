// ctest: LABELS long TIMEOUT 7200
#define CAF_SUITE long_seeds

#include <caf/test/unit_test.hpp>

#include "campaign.hpp"

using namespace eventy::simulation;

CAF_TEST(a_hundred_thousand_seeds_keep_every_guarantee) {
  const Campaign campaign = run_seeds(1'000'000, 100'000);
  for (const auto& line : campaign.failures) CAF_ERROR(line);
  CAF_CHECK(campaign.failures.empty());
}
