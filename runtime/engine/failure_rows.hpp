// The rows of the keyspace `failures` of a service, in its state format. The first byte of a row's key is its
// kind:
//   "w"                              the input that waits for a retry, if the wait is long
//   "t"                              the totals of the parked records, and the keys in release
//   "h" key                          the head of a parked key: the sequence numbers of its records
//   "r" sequence (8 bytes, big-endian) key   a parked record
// A partition has its own rows. Only it writes them; tools that list parked keys read them too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"
#include "input_id.hpp"

namespace eventy {

inline constexpr std::string_view failures_keyspace_name = "failures";

using Bytes = std::vector<std::byte>;
inline Bytes to_bytes(std::string_view s) {
  const auto* at = reinterpret_cast<const std::byte*>(s.data());
  return {at, at + s.size()};
}
inline std::string_view view(const Bytes& b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

struct HandlerFailure {
  std::string handler;  // ServiceRuntime::handler_id()
  std::int32_t attempts = 0;
  bool gave_up = false;
  std::uint8_t then = 0;  // FinalAction, if it gave up
  Bytes reason = {}, error_class = {};
  EVENTY_FIELDS(handler, attempts, gave_up, then, reason, error_class);
};

struct WaitingInput {
  std::string topic;        // of a record; else what InputId::source says
  std::int64_t offset = 0;  // of a record; else what InputId::number says
  Instant due = {};
  bool paused = false;  // no retry is left; a probe decides
  std::vector<HandlerFailure> failures = {};
  EVENTY_FIELDS(topic, offset, due, paused, failures);

  InputId id() const { return {topic, offset}; }
};

struct ParkedTotals {
  std::uint64_t keys = 0, records = 0, bytes = 0;
  std::vector<Bytes> releasing = {};
  EVENTY_FIELDS(keys, records, bytes, releasing);
};

struct ParkedHead {
  std::uint64_t first = 0, next = 0;  // sequence numbers
  Instant since = {};
  Bytes reason = {};
  EVENTY_FIELDS(first, next, since, reason);
};

struct ParkedHeader {
  Bytes name, value;
  EVENTY_FIELDS(name, value);
};

struct ParkedRecord {
  std::string topic;  // of a record; else what InputId::source says
  std::uint32_t partition = 0;
  std::int64_t offset = 0;        // of a record; else what InputId::number says
  std::optional<Bytes> key = {};  // of the record; the key that it is parked under may differ
  Bytes value = {};               // of a record; else what Content::bytes() gives
  std::vector<ParkedHeader> headers = {};
  std::vector<std::string> handlers = {};  // that have to run
  std::int32_t attempts = 0;               // 0: it only waits for another one
  Bytes reason = {}, error_class = {};
  EVENTY_FIELDS(topic, partition, offset, key, value, headers, handlers, attempts, reason, error_class);
};

inline std::string head_key(std::string_view key) { return std::string("h").append(key); }
std::string parked_key(std::uint64_t sequence, std::string_view key);

}  // namespace eventy
