// Write-behind for LocalState: copies that take changes into memory and write them to slower copies later. So
// a partition works as soon as its log is read, before all of it is sorted into files, and a key that changes
// often is written only once in a while.
//
// get() sees the changes that wait, and place() is their place. If the process ends, they are lost and that
// part of the log is read again: the slower copy never has a place without its changes.
#pragma once

#include <cstddef>

#include "eventy/core/types.hpp"
#include "eventy/store/local_state.hpp"

namespace eventy {

struct WriteBehind {
  // The most bytes that wait, over all copies. Beyond it, load() and apply() first write what their own copy
  // has waiting.
  std::size_t limit = 256u << 20;
  // How long applied changes wait, to be written with those applied meanwhile; of each key only the last
  // change is written. 0: changes go directly to the slower copy, once no loaded changes wait.
  Duration delay{1000};
};

// Puts write-behind in front of the copies that `open` opens.
//
// The returned function has a thread that writes loaded changes once there was no load for a tenth of a
// second, and applied ones after their delay, even for copies that ended meanwhile. Callers that open the
// partition again, or destroy the function, wait for that. Failed writes are retried; meanwhile load() waits,
// and apply() returns the error and applies nothing. If a partition is opened again while its earlier copy is
// still held, the earlier copy reads from the later one.
OpenLocalState write_behind(OpenLocalState open, const WriteBehind& options);

}  // namespace eventy
