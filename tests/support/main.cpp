// The one source with the test framework's runner; every test program links it.
#include <caf/test/unit_test_impl.hpp>
