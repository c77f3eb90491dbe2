// The broker that tests share: ctest starts it before them (tests/CMakeLists.txt). By hand:
// `config/kafka/broker start`, and EVENTY_KAFKA=127.0.0.1:9092.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace eventy::tests {

inline std::string kafka_bootstrap() {
  const char* address = std::getenv("EVENTY_KAFKA");
  return address ? address : "127.0.0.1:19092";
}

// Of topics and groups, so that tests share a broker and nothing on it.
inline std::string unique_prefix() {
  static int count = 0;
  return "t" + std::to_string(getpid()) + "-" + std::to_string(++count) + "-";
}

}  // namespace eventy::tests
