// The size of a slice, which the limits of stores and engine count on.
#define CAF_SUITE slice_size
#include <caf/test/unit_test.hpp>

#include "eventy/store/batch.hpp"

namespace eventy {

CAF_TEST(the_size_of_a_slice_is_that_of_its_outputs_keys_and_values) {
  SliceEffects effects;
  effects.outputs.bytes = "12345";
  effects.state = {{KeyspaceIndex{}, "key", "value"}, {KeyspaceIndex{}, "gone", std::nullopt}};
  CAF_CHECK_EQUAL(complete(effects)->size, 5u + 8u + 4u);
}

CAF_TEST(a_slice_is_measured_again_after_it_has_changed) {
  SliceEffects effects;
  effects.outputs.bytes = "12345";
  effects.measure();
  effects.outputs.clear();
  CAF_CHECK_EQUAL(complete(effects)->size, 0u);
}

}  // namespace eventy
