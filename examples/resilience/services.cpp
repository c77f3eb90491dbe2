#include "services.hpp"

#include <sstream>

#include "eventy/lines/line_source.hpp"

namespace resilience {
namespace {

using namespace std::chrono_literals;

void emit(eventy::Poll<eventy::LinePosition>& poll, const eventy::LineSource::Line& line) {
  std::istringstream words{std::string(line.text)};
  std::string verb, customer, more;
  Ordered order{.line = static_cast<std::int64_t>(line.total)};
  words >> verb >> customer;
  const bool is_cleared = verb == "clear" && !customer.empty() && !(words >> more);
  const bool is_order = verb == "order" && (words >> order.cents >> order.currency) && !(words >> more);
  if (is_cleared) return poll.emit(Cleared{}, customer);
  if (!is_order) throw std::invalid_argument("neither an order nor a clear line");
  poll.emit(order, customer);
}

void bill(eventy::Turn<Account>& turn, const Ordered& order, const Rates& rates) {
  Account& account = turn.edit();  // undone too if the turn throws below
  if (order.line <= account.last_line) ++account.out_of_order;
  account.last_line = order.line;
  if (order.cents <= 0) throw BadOrder("an order of " + std::to_string(order.cents) + " cents");
  const std::int64_t euro_cents = order.cents * rates.ask(order.currency) / 100;
  ++account.orders;
  account.euro_cents += euro_cents;
  turn.emit(Billed{order.line, euro_cents});
}

}  // namespace

eventy::Service till_service(std::filesystem::path inbox) {
  return eventy::service<>("till")
      .source<eventy::LinePosition>("inbox",
                                    eventy::LineSource(std::move(inbox), emit, {.poll = 50ms, .linger = 1s}))
      .sends_requests_to("urn:shop")
      .on([](eventy::StatelessTurn& turn, const Cleared&) { turn.request(Release{}); });
}

eventy::Service shop_service(Rates rates) {
  return eventy::service<Account>("shop")
      .on([rates](eventy::Turn<Account>& turn, const Ordered& order) { bill(turn, order, rates); })
      .on_failure<BadOrder>({.then = eventy::FinalAction::dead_letter})
      .on_failure<Busy>(
          {.retry = {.times = 8, .first = 50ms, .max = 1s}, .then = eventy::FinalAction::pause_partition})
      .on_failure<UnknownCurrency>({.then = eventy::FinalAction::park_key})
      .on_failure<Unreachable>({.then = eventy::FinalAction::pause_partition,
                                .probe = {.interval = 200ms, .check = [rates] { return rates.reachable(); }}})
      .on_failure<Damaged>({.then = eventy::FinalAction::stop});
}

}  // namespace resilience
