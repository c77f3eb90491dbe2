// Begins attempts at parked inputs that are no records. A kind of work with such inputs implements it, so
// that ReleasedRecords can handle them in the order of their key and knows no kind. One thread.
#pragma once

#include "attempt.hpp"

namespace eventy {

class InputReader {
 public:
  // Begins an attempt at the input of this name: Attempt::begin(), its meta and the handlers that take it.
  // `bytes` are what its Content::bytes() gave when it was parked; id and bytes outlive the attempt. False:
  // the input is of another kind. Throws DecodeError after Attempt::begin(), so that the dead letter has
  // the bytes.
  virtual bool begin(const InputId& id, std::string_view bytes, Attempt& attempt) = 0;

 protected:
  ~InputReader() = default;
};

}  // namespace eventy
