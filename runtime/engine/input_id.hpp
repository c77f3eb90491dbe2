// What names an input of a partition from its first attempt to its last, across restarts and moves: of a
// record its topic and offset. A kind of input that is no record takes a source that is no topic's name.
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
