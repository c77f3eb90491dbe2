#include "tests/fuzz/bombs.hpp"

#include <time.h>

#include <algorithm>
#include <exception>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/fuzz/memory_watch.hpp"

namespace eventy::fuzz {

namespace {

constexpr int tries = 51, rounds = 10;
constexpr std::chrono::milliseconds pause{20};  // a busy machine is given time

// Of this thread: what others do on this machine counts little.
std::chrono::nanoseconds processor_time() {
  timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Whether it was refused. What else could be thrown, as std::bad_alloc, is no refusal.
bool refuses(const Bomb& bomb) {
  try {
    bomb.decode();
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const std::length_error&) {
    return false;
  } catch (const std::exception&) {
    return true;
  }
  return false;
}

std::chrono::nanoseconds median(const Bomb& bomb) {
  std::vector<std::chrono::nanoseconds> times;
  for (int i = 0; i < tries; ++i) {
    const auto begin = processor_time();
    refuses(bomb);
    times.push_back(processor_time() - begin);
  }
  std::nth_element(times.begin(), times.begin() + tries / 2, times.end());
  return times[tries / 2];
}

}  // namespace

std::string complaint(const Bomb& bomb, const Caps& caps) {
  const MemoryWatch watch;
  if (!refuses(bomb)) return bomb.name + " is not refused";
  const auto most = caps.memory + caps.memory_per_byte * bomb.bytes;
  if (const auto peak = watch.peak(); peak > most)
    return bomb.name + " takes " + std::to_string(peak) + " bytes of memory, and may take " +
           std::to_string(most);
  if (caps.time.count() == 0) return {};
  std::chrono::nanoseconds time = median(bomb);
  for (int round = 1; time >= caps.time && round < rounds; ++round) {
    std::this_thread::sleep_for(pause);
    time = std::min(time, median(bomb));
  }
  return time < caps.time ? "" : bomb.name + " takes " + std::to_string(time.count()) + " ns";
}

}  // namespace eventy::fuzz
