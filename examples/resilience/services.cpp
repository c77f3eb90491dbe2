#include "services.hpp"

#include <fstream>
#include <sstream>

namespace resilience {
namespace {

using namespace std::chrono_literals;

// False: the line is neither an order nor a clearing.
bool emit(eventy::Pull<InboxPosition>& pull, const std::string& line, std::int64_t number) {
  std::istringstream words(line);
  std::string verb, customer, more;
  Ordered order{.line = number};
  words >> verb >> customer;
  if (customer.empty()) return false;
  if (verb == "clear") {
    if (words >> more) return false;
    pull.emit(Cleared{}, customer);
    return true;
  }
  if (verb != "order" || !(words >> order.cents >> order.currency) || words >> more) return false;
  pull.emit(order, customer);
  return true;
}

void look(eventy::Pull<InboxPosition>& pull, const std::filesystem::path& inbox) {
  InboxPosition at = pull.position();
  std::ifstream in(inbox, std::ios::binary);
  in.seekg(at.offset);
  std::string line;
  for (std::size_t n = 0; n < pull.limit() && std::getline(in, line) && !in.eof(); ++n) {
    at.offset += static_cast<std::int64_t>(line.size()) + 1;
    ++at.lines;
    if (!emit(pull, line, at.lines))
      pull.dead_letter("line " + std::to_string(at.lines), "neither an order nor a clearing", line);
  }
  if (at.lines == pull.position().lines) return pull.nothing_for(50ms);
  pull.advance(at);
}

void bill(eventy::Turn<Account>& turn, const Ordered& order, const Rates& rates) {
  Account& account = turn.edit();  // a throw below undoes this too
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
      .source<InboxPosition>(
          "inbox", [inbox = std::move(inbox)](eventy::Pull<InboxPosition>& pull) { look(pull, inbox); })
      .requests_of("urn:shop")
      .on([](eventy::StatelessTurn& turn, const Cleared&) { turn.request(Release{}); });
}

eventy::Service shop_service(Rates rates) {
  return eventy::service<Account>("shop")
      .on([rates](eventy::Turn<Account>& turn, const Ordered& order) { bill(turn, order, rates); })
      .on_failure<BadOrder>({.then = eventy::Last::dead_letter})
      .on_failure<Busy>(
          {.retry = {.times = 8, .first = 50ms, .most = 1s}, .then = eventy::Last::pause_partition})
      .on_failure<UnknownCurrency>({.then = eventy::Last::park_key})
      .on_failure<Unreachable>({.then = eventy::Last::pause_partition,
                                .probe = {.every = 200ms, .ask = [rates] { return rates.reachable(); }}})
      .on_failure<Damaged>({.then = eventy::Last::stop});
}

}  // namespace resilience
