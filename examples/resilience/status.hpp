// What became of the orders, read from committed state; works with a node running on the store and with none.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "eventy/engine/parking.hpp"
#include "vocabulary.hpp"

namespace resilience {

struct DeadLetter {
  std::string service, place, reason;  // place: topic/partition/offset, or where it lay in the inbox
};
struct Status {
  std::int64_t lines = 0;  // of the inbox that were read
  std::map<std::string, Account> accounts = {};
  std::map<std::string, eventy::ParkedKey> parked = {};
  std::vector<DeadLetter> dead = {};
};

eventy::Result<Status> read_status(eventy::RecordStore& store, const eventy::StateFormat& format);
std::string as_table(const Status& status);
std::string as_lines(const Status& status);  // for scripts: a fact a line, words apart by blanks

}  // namespace resilience
