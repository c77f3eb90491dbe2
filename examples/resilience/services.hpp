// The services of the resilience example: `till` reads the inbox, `shop` bills the orders.
#pragma once

#include <filesystem>

#include "rates.hpp"
#include "vocabulary.hpp"

namespace resilience {

// Nobody can bill this order, however often it is retried.
struct BadOrder : std::invalid_argument {
  using invalid_argument::invalid_argument;
};

// The inbox is a text file that grows and may be rotated. A line is `order CUSTOMER CENTS CURRENCY` or `clear
// CUSTOMER`; till dead-letters any other line. A line without its line break is not read yet.
eventy::Service till_service(std::filesystem::path inbox);
eventy::Service shop_service(Rates rates);

}  // namespace resilience
