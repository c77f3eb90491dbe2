// Adds to an error of an encoder the path to the value that failed.
#pragma once

#include <stdexcept>
#include <string_view>

#include "eventy/core/codec.hpp"

namespace eventy::detail {

// Runs `write`, which writes one value; an error names `step` as part of its path.
template <class Write>
void encode_step(std::string_view step, Write write) {
  try {
    write();
  } catch (const EncodeError& e) {
    throw e.within(step);
  } catch (const std::invalid_argument& e) {
    throw EncodeError(e.what()).within(step);
  }
}

}  // namespace eventy::detail
