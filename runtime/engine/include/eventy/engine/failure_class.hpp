// Describes an exception that user code threw: its class, which is its demangled type, and its text. Any
// thread.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace eventy {

inline constexpr std::string_view out_of_memory_class =
    "bad_alloc";  // of std::bad_alloc and of types that derive from it

struct ErrorText {
  std::string error_class, reason;
  bool is_decode_error = false;
};
ErrorText describe(const std::exception_ptr& error);

}  // namespace eventy
