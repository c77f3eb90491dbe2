// Dead letters of each origin, as a service of today writes them.
#pragma once

#include "eventy/testing/bench.hpp"
#include "store_content.hpp"

namespace golden {

inline std::map<std::string, testing::Bench::DeadLetter> dead_letters() {
  testing::Bench desk{
      service<>("desk").on([](StatelessTurn&, const Sold&) { throw std::runtime_error("a return"); }),
      {.serializer = json::serializer()}};
  desk.tell_bytes("till-events", "no record", "dan");
  desk.tell(Sold{-1}, "ann", {.uuid = "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09", .correlation_id = "c"});
  testing::Bench reader{service<>("reader").source<Line>(
      "lines", [](Poll<Line>& poll) { poll.dead_letter("line 3", "no sum", "bytes of line 3"); })};
  reader.poll("lines");
  return {{"no_record", desk.dead_letters().at(0)},
          {"failed", desk.dead_letters().at(1)},
          {"of_source", reader.dead_letters().at(0)}};
}

}  // namespace golden
