// The records and states of the resilience example.
#pragma once

#include <string>

#include "eventy/service.hpp"

namespace resilience {

// --- records of `till`, keyed by customer: what the inbox says ---
struct Ordered {
  std::int64_t line = 0;   // of all that the inbox ever had, from 1
  std::int64_t cents = 0;  // in the currency
  std::string currency = {};
  EVENTY_FIELDS(line, cents, currency);
  using record = eventy::Event<"urn:till", "Ordered", "1.0.0">;
};
struct Cleared {  // somebody looked after this customer's orders: they may go on
  EVENTY_FIELDS();
  using record = eventy::Event<"urn:till", "Cleared", "1.0.0">;
};

// --- records of `shop`, keyed by customer ---
struct Billed {
  std::int64_t line = 0, euro_cents = 0;
  EVENTY_FIELDS(line, euro_cents);
  using record = eventy::Event<"urn:shop", "Billed", "1.0.0">;
};
struct Nothing {  // the engine takes a release and sends no response
  EVENTY_FIELDS();
  using record = eventy::Response<"urn:shop", "eventy.released", "1.0.0">;
};
struct Release {  // releases the key that it has; see eventy/engine/parking.hpp
  EVENTY_FIELDS();
  using record = eventy::Request<"urn:shop", "eventy.release", "1.0.0", Nothing>;
};

// --- states ---
struct Account {  // of a customer
  std::int64_t orders = 0, euro_cents = 0, last_line = 0;
  std::int64_t out_of_order = 0;  // orders that came after a later one: there must be none
  EVENTY_FIELDS(orders, euro_cents, last_line, out_of_order);
};

}  // namespace resilience
