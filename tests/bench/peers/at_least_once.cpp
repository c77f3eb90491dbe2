// The counter service of examples/counter with the guarantee at least once, as a program.
#include "eventy/node.hpp"
#include "examples/counter/counter.hpp"

int main(int argc, char** argv) {
  using counter::Counted;
  return eventy::run(
      argc, argv,
      {eventy::service<counter::Tally>("counter").on(
          eventy::at_least_once, [](eventy::Turn<counter::Tally>& turn, const counter::Clicked&) {
            turn.emit(Counted{std::string(turn.key()), ++turn.edit().count});
          })});
}
