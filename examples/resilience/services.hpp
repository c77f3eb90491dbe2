// The services of the resilience example: `till` reads the inbox, `shop` bills what was ordered.
#pragma once

#include <filesystem>

#include "rates.hpp"
#include "vocabulary.hpp"

namespace resilience {

struct BadOrder : std::invalid_argument {  // nobody can bill it, however often it is tried
  using invalid_argument::invalid_argument;
};

// The inbox is a text file that grows, and may be rotated. A line is `order CUSTOMER CENTS CURRENCY` or
// `clear CUSTOMER`; what is neither goes to till's dead letters. A line without its end is not there yet.
eventy::Service till_service(std::filesystem::path inbox);
eventy::Service shop_service(Rates rates);

}  // namespace resilience
