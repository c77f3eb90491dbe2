// The name of an input of a partition, the same at every attempt, also after a restart or a move. That of a
// record is its topic and offset. A kind of work without records uses a source that is no topic's name.
#pragma once

#include <cstdint>
#include <string_view>

namespace eventy {

struct InputId {
  std::string_view source = {};
  std::int64_t number = 0;
  friend bool operator==(const InputId&, const InputId&) = default;
};

}  // namespace eventy
