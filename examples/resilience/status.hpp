// What happened to the orders, read from committed state; works with and without a running node.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "eventy/engine/parking.hpp"
#include "vocabulary.hpp"

namespace resilience {

struct DeadLetter {
  std::string service, place, reason;  // place: topic/partition/offset, or the place in the inbox
};
struct Status {
  std::int64_t lines = 0;  // lines of the inbox that were read
  std::map<std::string, Account> accounts = {};
  std::map<std::string, eventy::ParkedKey> parked = {};
  std::vector<DeadLetter> dead = {};
};

eventy::Result<Status> read_status(eventy::RecordStore& store, const eventy::StateFormat& format);
std::string as_table(const Status& status);
std::string as_lines(const Status& status);  // for scripts: one fact per line, words separated by blanks

}  // namespace resilience
