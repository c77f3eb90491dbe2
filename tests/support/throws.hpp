// Whether a call throws an E. Any other exception goes on.
#pragma once

namespace eventy::tests {

template <class E, class F>
bool throws(F act) {
  try {
    act();
  } catch (const E&) {
    return true;
  }
  return false;
}

}  // namespace eventy::tests
