// Which code of its user a task runs, so that others can see whether it returns. The task's thread writes it
// at each turn by a few plain stores, without a lock or a clock. Any thread may read it at any time, and what
// it reads is of one turn.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy {

class TurnWatch {
 public:
  static constexpr std::size_t longest_key = 64;  // a longer key is cut

  // What runs. `what` and `topic` outlive the watch. No topic: it handles no record.
  struct Turn {
    const std::string_view* what = nullptr;
    const std::string* topic = nullptr;
    Offset offset = {};
    std::string_view key = {};
  };
  // While it lives, the user's code runs. The task's thread.
  class Running {
   public:
    Running(TurnWatch& watch, const Turn& turn) : watch_(watch) { watch_.begin(turn); }
    ~Running() { watch_.end(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    TurnWatch& watch_;
  };

  struct Seen {
    std::uint64_t number = 0;  // of the turn, in this task
    std::string_view what = {};
    std::string_view topic = {};
    Offset offset = {};
    std::string key = {};
    std::size_t key_size = 0;  // in full
  };
  // The number of the turn that runs; 0: none. Any thread.
  std::uint64_t running() const {
    const auto count = count_.load(std::memory_order_acquire);
    return count % 2 == 1 ? count : 0;
  }
  // What is known of the turn with this number; nullopt: it has returned. Any thread.
  std::optional<Seen> check(std::uint64_t number) const;

 private:
  void begin(const Turn& turn) {
    // Each store releases the end of the last turn: a thread that reads one of them sees the new count.
    what_.store(turn.what, std::memory_order_release);
    topic_.store(turn.topic, std::memory_order_release);
    offset_.store(turn.offset.value, std::memory_order_release);
    key_size_.store(turn.key.size(), std::memory_order_release);
    keep(turn.key.substr(0, longest_key));
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void end() { count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  // By words, the last of which overlaps the one before. Only a very short key takes a loop over bytes.
  void keep(std::string_view key) {
    std::size_t word = 0, at = 0;
    for (; at + 8 <= key.size(); at += 8) store(word++, key.data() + at, 8);
    if (at == key.size()) return;
    if (key.size() > 8) return store(word, key.data() + key.size() - 8, 8);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < key.size(); ++i)
      bytes |= std::uint64_t{static_cast<unsigned char>(key[i])} << (8 * i);
    key_[word].store(bytes, std::memory_order_release);
  }
  void store(std::size_t word, const char* from, std::size_t size) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, from, size);
    key_[word].store(bytes, std::memory_order_release);
  }

  std::atomic<std::uint64_t> count_ = 0;  // odd: a turn runs
  std::atomic<const std::string_view*> what_ = nullptr;
  std::atomic<const std::string*> topic_ = nullptr;
  std::atomic<std::int64_t> offset_ = 0;
  std::atomic<std::size_t> key_size_ = 0;
  std::array<std::atomic<std::uint64_t>, longest_key / 8> key_ = {};
};

inline std::optional<TurnWatch::Seen> TurnWatch::check(std::uint64_t number) const {
  static_assert(std::endian::native == std::endian::little);
  if (number == 0 || running() != number) return std::nullopt;
  const auto* what = what_.load(std::memory_order_acquire);
  const auto* topic = topic_.load(std::memory_order_acquire);
  Seen seen{.number = number, .offset = {offset_.load(std::memory_order_acquire)}};
  seen.key_size = key_size_.load(std::memory_order_acquire);
  std::array<std::uint64_t, longest_key / 8> words = {};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = key_[i].load(std::memory_order_acquire);
  if (count_.load(std::memory_order_relaxed) != number) return std::nullopt;
  const std::size_t kept = std::min(seen.key_size, longest_key), whole = kept / 8 * 8;
  seen.key.assign(reinterpret_cast<const char*>(words.data()), whole);
  const auto* last = reinterpret_cast<const char*>(&words[whole / 8 % words.size()]);
  if (kept > whole) seen.key.append(kept > 8 ? last + 8 - (kept - whole) : last, kept - whole);
  if (what) seen.what = *what;
  if (topic) seen.topic = *topic;
  return seen;
}

}  // namespace eventy
