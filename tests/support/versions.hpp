// One record and one state through three major versions, with upgrade functions from each to the next.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eventy/service.hpp"

namespace eventy::tests {

namespace v1 {
struct Placed {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = Event<"urn:shop", "Placed", "1.2.0">;
};
struct Account {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
};
}  // namespace v1

namespace v2 {
struct Placed {
  std::string price;  // `4.50`
  EVENTY_FIELDS(price);
  using record = Event<"urn:shop", "Placed", "2.0.0">;
  static Placed upgrade(const v1::Placed& old) {
    const auto cents = std::to_string(old.cents % 100);
    return {std::to_string(old.cents / 100) + (cents.size() == 1 ? ".0" : ".") + cents};
  }
};
struct Account {  // version 2 had no `orders`
  std::string spent;
  std::int64_t orders = 0;
  EVENTY_FIELDS(spent, orders);
  static constexpr std::uint16_t state_version = 3;
  static Account upgrade(const v1::Account& old) { return {v2::Placed::upgrade({old.cents}).price}; }
};
}  // namespace v2

struct Placed {
  std::string amount, currency;
  EVENTY_FIELDS(amount, currency);
  using record = Event<"urn:shop", "Placed", "3.0.0">;
  static Placed upgrade(const v2::Placed& old) { return {old.price, "EUR"}; }
};
struct Account {
  std::vector<std::string> spent;
  std::int64_t orders = 0;
  EVENTY_FIELDS(spent, orders);
  static constexpr std::uint16_t state_version = 4;
  static Account upgrade(const v2::Account& old) { return {{old.spent}, old.orders}; }
};

// The same service of each version: it keeps what it was told last.
inline Service desk_v1() {
  return service<v1::Account>("desk").on(
      [](Turn<v1::Account>& turn, const v1::Placed& p) { turn.edit().cents = p.cents; });
}
inline Service desk_v2() {
  return service<v2::Account>("desk").on([](Turn<v2::Account>& turn, const v2::Placed& p) {
    turn.edit().spent = p.price, ++turn.edit().orders;
  });
}
inline Service desk() {
  return service<Account>("desk").on([](Turn<Account>& turn, const Placed& p) {
    turn.edit().spent.push_back(p.amount + ' ' + p.currency), ++turn.edit().orders;
  });
}

}  // namespace eventy::tests
