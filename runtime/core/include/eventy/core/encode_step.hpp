// Where in a record an error of writing it lies.
#pragma once

#include <stdexcept>
#include <string_view>

#include "eventy/core/codec.hpp"

namespace eventy::detail {

// Runs what writes one value; an error in it names the step that leads there.
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
