// The counter service of examples/counter in other ways, as a program: `bench_variants run --as padded ...`.
#include <thread>

#include "eventy/run.hpp"
#include "examples/counter/counter.hpp"

namespace {

using counter::Clicked;
using counter::Counted;
using counter::Tally;

eventy::Service at_least_once() {
  return eventy::service<Tally>("counter").on(
      eventy::at_least_once, [](eventy::Turn<Tally>& turn, const Clicked&) {
        turn.emit(Counted{std::string(turn.key()), ++turn.edit().count});
      });
}

struct Padded {  // about 100 bytes in the store
  std::int64_t count = 0;
  std::string text = std::string(80, 'x');
  EVENTY_FIELDS(count, text);
};

eventy::Service padded() {
  return eventy::service<Padded>("counter").on(
      eventy::exactly_once, [](eventy::Turn<Padded>& turn, const Clicked&) {
        turn.emit(Counted{std::string(turn.key()), ++turn.edit().count});
      });
}

eventy::Service slow(std::chrono::microseconds pause) {
  return eventy::service<Tally>("counter").on(
      eventy::exactly_once, [pause](eventy::Turn<Tally>& turn, const Clicked&) {
        std::this_thread::sleep_for(pause);
        turn.emit(Counted{std::string(turn.key()), ++turn.edit().count});
      });
}

std::vector<eventy::Service> services(const eventy::Arguments& arguments) {
  const std::string& as = arguments.text("--as");
  if (as == "at-least-once") return {at_least_once()};
  if (as == "padded") return {padded()};
  if (as == "slow") return {slow(std::chrono::microseconds(arguments.number("--pause-us")))};
  throw eventy::Failure({eventy::ErrorCode::invalid_argument, "--as " + as + ": there is no such variant"});
}

}  // namespace

int main(int argc, char** argv) {
  eventy::App app;
  app.description = "Counts Clicked events by key, for measurements";
  app.options = {
      {.name = "--as", .help = "at-least-once, padded or slow", .required = true},
      {.name = "--pause-us", .help = "slow: how long the handler sleeps", .default_value = "10000"}};
  app.services = services;
  return eventy::run(argc, argv, std::move(app));
}
