// Copies of states that take changes into memory and write them into other copies, slower ones, later. So a
// partition works again as soon as its log is read, and not only when all of it is sorted into files; and a
// key that changes often is written once in a while.
//
// What waits is found by get(), and its place is place(). The end of the process loses it, which costs
// reading that part of the log again, for the copy behind never has a place without its changes.
#pragma once

#include <cstddef>

#include "eventy/core/types.hpp"
#include "eventy/store/local_state.hpp"

namespace eventy {

struct WriteBehind {
  // Bytes that wait, over all copies. Beyond, load() and apply() first write what the copy itself has
  // waiting.
  std::size_t limit = 256u << 20;
  // How long what was applied waits, to be written with what is applied meanwhile; of each key the last
  // change. 0: it goes straight to the copy behind, once nothing waits that was loaded.
  Duration delay{1000};
};

// Copies before those of `open`.
//
// A thread of the returned function's writes what was loaded when there was no load for a tenth of a second,
// and what was applied after its delay, also for copies that ended meanwhile; who opens a partition again, or
// lets the function go, waits for that. What could not be written is tried again; meanwhile load() waits on
// and apply() returns that error, with nothing applied. A copy that is still held when its partition is
// opened again reads what the later one has.
OpenLocalState write_behind(OpenLocalState open, const WriteBehind& options);

}  // namespace eventy
