// What is demanded of a decoder that gets a bomb: few bytes that mean much. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace eventy::fuzz {

struct Bomb {
  std::string name;
  std::size_t bytes = 0;
  std::function<void()> decode;  // once; must throw
};

struct Caps {
  // Of the processor, the median of many tries; 0: not judged. The slowest takes 90 on a Xeon of 2.3 GHz.
  std::chrono::nanoseconds time = std::chrono::microseconds(250);
  // In use at once, beside the bytes themselves.
  std::size_t memory = 64u << 10, memory_per_byte = 64;
};

// What is not kept, as text; empty: the bomb is refused, in time and within memory.
std::string complaint(const Bomb& bomb, const Caps& caps = {});

}  // namespace eventy::fuzz
