// The four services of the flights example.
#pragma once

#include <filesystem>
#include <vector>

#include "vocabulary.hpp"

namespace flights {

inline constexpr std::int64_t late_minutes = 180;    // an arrival this late requests a rebooking
inline constexpr std::int64_t rebookings_a_day = 5;  // rebookings that an airport confirms per day

// Reads the file as events, keyed by aircraft; dead-letters a row that cannot be parsed, with its line.
// Throws FileError if the file cannot be read.
eventy::Service flights_service(std::filesystem::path input, std::size_t rows_per_poll);
eventy::Service aircraft_service();
eventy::Service desk_service();
eventy::Service carriers_service();

}  // namespace flights
