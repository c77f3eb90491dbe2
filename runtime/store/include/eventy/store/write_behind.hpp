// Copies of states that take what a restore reads into memory and write it into other copies, slower ones,
// later: so a partition works again as soon as its log is read, and not only when all of it is sorted into
// files.
//
// What waits is found by get(), and its place is place(). The end of the process loses it, which costs
// reading that part of the log again, for the copy behind never has a place without its changes. Once nothing
// waits, all goes straight to the copy behind.
#pragma once

#include <cstddef>

#include "eventy/store/local_state.hpp"

namespace eventy {

// Copies before those of `open`; load() lets changes wait, apply() only as long as earlier ones do. Beyond
// `limit` bytes that wait, over all copies, load() and apply() first write what the copy itself has waiting.
//
// A thread of the returned function's writes when nothing was loaded for a tenth of a second, also for copies
// that ended meanwhile; who opens a partition again, or lets the function and the last of its copies go,
// waits for that. What could not be written is tried again; meanwhile load() waits on and apply() returns
// that error, with nothing applied.
OpenLocalState write_behind(OpenLocalState open, std::size_t limit);

}  // namespace eventy
