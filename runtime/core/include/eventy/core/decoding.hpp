// What decoders share: the path to a value that fails, and errors that are the same in every format.
#pragma once

#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/record.hpp"

namespace eventy::detail {

// Runs `read`, which reads one value; an error names `step` as part of its path.
template <class Read>
auto decode_step(std::string_view step, Read read) {
  try {
    return read();
  } catch (const DecodeError& e) {
    throw e.within(step);
  }
}

[[noreturn]] void fail_kind();
// The kind of a record with this `type`. Throws DecodeError if there is none.
Kind kind_in(std::string_view type);

// Throws DecodeError if `bytes` are more than the limit.
void refuse_size(std::string_view bytes, std::size_t max_bytes);

}  // namespace eventy::detail
