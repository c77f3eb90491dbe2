// The history of a simulation as lines: a hash of all lines, how often each kind of fault happened and, for
// readers of a failing seed, the lines themselves. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "eventy/core/ids.hpp"

namespace eventy::testing {

class Trace {
 public:
  // `listen` gets every line.
  explicit Trace(std::function<void(std::string_view)> listen = {}) : listen_(std::move(listen)) {}

  void note(std::string_view line) {
    hash_ = hash64(line, hash_);
    if (listen_) listen_(line);
  }
  // Counts a fault of this kind.
  void fired(std::string_view kind) {
    const auto it = fired_.find(kind);
    if (it == fired_.end()) {
      fired_.emplace(kind, 1);
    } else {
      ++it->second;
    }
  }
  // Runs with equal hashes had the same history.
  std::uint64_t hash() const { return hash_; }
  const std::map<std::string, std::uint64_t, std::less<>>& fired() const { return fired_; }

 private:
  std::function<void(std::string_view)> listen_;
  std::uint64_t hash_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> fired_;
};

}  // namespace eventy::testing
