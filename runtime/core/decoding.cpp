#include "eventy/core/decoding.hpp"

namespace eventy::detail {

void fail_kind() { throw DecodeError("must be EVENT, REQUEST or RESPONSE"); }

Kind kind_in(std::string_view type) {
  const auto kind = kind_of(type);
  if (!kind) fail_kind();
  return *kind;
}

void refuse_size(std::string_view bytes, std::size_t max_bytes) {
  if (bytes.size() > max_bytes)
    throw DecodeError(std::to_string(bytes.size()) + " bytes are more than the limit of " +
                      std::to_string(max_bytes));
}

}  // namespace eventy::detail
