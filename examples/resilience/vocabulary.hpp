// The records and states of the resilience example.
#pragma once

#include <string>

#include "eventy/service.hpp"

namespace resilience {

// --- records of `till`, keyed by customer: the lines of the inbox ---
struct Ordered {
  std::int64_t line = 0;   // number of the line since the first inbox, from 1
  std::int64_t cents = 0;  // in the currency
  std::string currency = {};
  EVENTY_FIELDS(line, cents, currency);
  using record = eventy::Event<"urn:till", "Ordered", "1.0.0">;
};
// Somebody has dealt with this customer's orders: they may go on.
struct Cleared {
  EVENTY_FIELDS();
  using record = eventy::Event<"urn:till", "Cleared", "1.0.0">;
};

// --- records of `shop`, keyed by customer ---
struct Billed {
  std::int64_t line = 0, euro_cents = 0;
  EVENTY_FIELDS(line, euro_cents);
  using record = eventy::Event<"urn:shop", "Billed", "1.0.0">;
};
// The engine handles the release and sends no response.
struct Nothing {
  EVENTY_FIELDS();
  using record = eventy::Response<"urn:shop", "eventy.released", "1.0.0">;
};
// Releases the key of this request; see eventy/engine/parking.hpp.
struct Release {
  EVENTY_FIELDS();
  using record = eventy::Request<"urn:shop", "eventy.release", "1.0.0", Nothing>;
};

// --- states ---
// The state of a customer.
struct Account {
  std::int64_t orders = 0, euro_cents = 0, last_line = 0;
  std::int64_t out_of_order = 0;  // orders that arrived after a later one: must stay 0
  EVENTY_FIELDS(orders, euro_cents, last_line, out_of_order);
};

}  // namespace resilience
