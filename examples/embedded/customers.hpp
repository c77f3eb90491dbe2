// Orders are events of the namespace urn:shop. The service `customers` keeps a total for each customer.
#pragma once

#include "eventy/service.hpp"

struct Ordered {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = eventy::Event<"urn:shop", "Ordered", "1.0.0">;
};
struct Total {
  std::int64_t orders = 0, cents = 0;
  EVENTY_FIELDS(orders, cents);
};
struct GetTotal {
  EVENTY_FIELDS();
  using record = eventy::Query<"GetTotal", Total>;
};

inline eventy::Service customers() {
  return eventy::service<Total>("customers")
      .on([](eventy::Turn<Total>& t, const Ordered& o) { ++t.edit().orders, t.edit().cents += o.cents; })
      .answer<GetTotal>([](const Total* total, const GetTotal&) { return total ? *total : Total{}; });
}
