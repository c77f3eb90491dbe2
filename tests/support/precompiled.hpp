// The precompiled header of every test program.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <caf/all.hpp>
#include <caf/test/unit_test.hpp>

// The framework's header names a default suite; each test file names its own.
#undef CAF_SUITE
