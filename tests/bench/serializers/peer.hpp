// The Python implementation of the protocol, in a process of its own.
#pragma once

#include <string>
#include <vector>

namespace eventy::benchmark {

struct PeerTimes {
  double decode = 0, encode = 0;  // ns a record, of CPU time
  std::vector<std::string> written = {};
};

// Lets the interpreter `python`, which has the package, read the records and write them again. Throws
// std::runtime_error where it fails. `format`: json or avro.
PeerTimes run_peer(const std::string& python, const std::string& format,
                   const std::vector<std::string>& records, int passes);

}  // namespace eventy::benchmark
