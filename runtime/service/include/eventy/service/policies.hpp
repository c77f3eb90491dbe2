// Guarantees and failure policies: what a service says about each handler.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy {

enum class Guarantee : std::uint8_t { at_least_once, exactly_once, at_most_once };  // in the order they run
std::string_view to_string(Guarantee guarantee);

// A guarantee is a type, so that state in an at-most-once handler does not compile.
template <Guarantee G>
struct GuaranteeTag {
  static constexpr Guarantee value = G;
};
inline constexpr GuaranteeTag<Guarantee::at_least_once> at_least_once{};
inline constexpr GuaranteeTag<Guarantee::exactly_once> exactly_once{};
inline constexpr GuaranteeTag<Guarantee::at_most_once> at_most_once{};

// How often a failed turn is tried again before its record is dead-lettered. The wait doubles from `first` to
// `most`, each with a random part of up to a quarter. The partition waits; others go on.
struct Retry {
  int times = 0;
  Duration first{50};
  Duration most{10'000};
};

struct OnFailure {
  Retry retry = {};  // then: dead-letter the record for this handler
};

}  // namespace eventy
