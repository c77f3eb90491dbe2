// Memory in use, counted at the allocator, that of libraries included. One thread; one watch at a time.
#pragma once

#include <cstddef>

namespace eventy::fuzz {

// How much more was in use at once than when the watch began.
class MemoryWatch {
 public:
  MemoryWatch();
  std::size_t peak() const;
};

}  // namespace eventy::fuzz
