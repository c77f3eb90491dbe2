// A copy of committed state on this node, for stores that keep the state as a log elsewhere. It is read
// instead of the log and knows the log offset that it has reached. It is never ahead of the log.
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

// The place in the log that a copy has reached.
struct LogPosition {
  Offset next = {};      // the offset after the last change in the copy; 0: the copy is empty
  std::string log = {};  // identifies the log and its incarnation, as the store defines it; empty: none yet
  Instant synced = {};   // when the copy last reached `next`

  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// A partition's state as keys and values of any bytes. Any thread may call get(); only one at a time may call
// the rest.
class LocalState {
 public:
  using Change = std::pair<std::string_view, std::optional<std::string_view>>;  // no value: deletes the key

  virtual ~LocalState() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // Applies the changes in order and sets the place after them, atomically.
  virtual Result<void> apply(std::span<const Change> changes, const LogPosition& place) = 0;
  // Like apply(), for the many changes of a restore, which the log holds anyway. They may become durable
  // later, but each place only together with its changes. Default: apply().
  virtual Result<void> load(std::span<const Change> changes, const LogPosition& place) {
    return apply(changes, place);
  }
  // The place of the last apply() or load(), even of an earlier session; a new copy has LogPosition{}.
  virtual Result<LogPosition> place() const = 0;
  // Deletes everything, including the place: the copy no longer belongs to the log.
  virtual Result<void> clear() = 0;
};

// Opens the copy of one partition of a service; if an earlier session of this node left one, it is reused.
using OpenLocalState =
    std::function<Result<std::unique_ptr<LocalState>>(const std::string& service, PartitionId partition)>;

// Indexes of the changes, sorted by key; changes of one key keep their order.
std::vector<std::uint32_t> in_key_order(std::span<const LocalState::Change> changes);

// Copies that live as long as their owner, for tests and small states: every start reads the whole log.
OpenLocalState local_state_in_memory();

}  // namespace eventy
