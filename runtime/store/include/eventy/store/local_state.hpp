// A copy of committed state on this node, for stores whose truth is a log elsewhere: what is read without
// asking the log, and how far into the log it reaches. Never ahead of the log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventy/core/result.hpp"
#include "eventy/core/types.hpp"

namespace eventy {

// Where a copy stands.
struct LogPlace {
  Offset next = {};      // in the log, behind the last change that the copy holds; 0: nothing of it
  std::string log = {};  // which log, as its store tells one incarnation from another; empty: none yet
  Instant synced = {};   // when the copy was last brought up to `next`

  friend bool operator==(const LogPlace&, const LogPlace&) = default;
};

// A partition's state as keys and values of any bytes. get() by any thread; all else by one at a time.
class LocalState {
 public:
  using Change = std::pair<std::string_view, std::optional<std::string_view>>;  // no value: the key is gone

  virtual ~LocalState() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // The changes in their order, and the place behind them: all of it or nothing.
  virtual Result<void> apply(std::span<const Change> changes, const LogPlace& place) = 0;
  // As apply(), for many changes in a row that the log has anyway, a restore's: they may reach what survives
  // the end of the process later, each place with its changes. Without more: apply().
  virtual Result<void> load(std::span<const Change> changes, const LogPlace& place) {
    return apply(changes, place);
  }
  // Of the last apply() or load(), or of an earlier session's; that of a new copy is LogPlace{}.
  virtual Result<LogPlace> place() const = 0;
  // Forgets everything, its place too: the copy does not belong to the log any more.
  virtual Result<void> clear() = 0;
};

// Opens the copy of one partition of a service; the one of an earlier session of this node, if there is one.
using OpenLocalState =
    std::function<Result<std::unique_ptr<LocalState>>(const std::string& service, PartitionId partition)>;

// Indexes of the changes in the order of their keys, those of one key in their own.
std::vector<std::uint32_t> in_key_order(std::span<const LocalState::Change> changes);

// Copies that live as long as their owner, for tests and small states: every start reads the whole log.
OpenLocalState local_state_in_memory();

}  // namespace eventy
