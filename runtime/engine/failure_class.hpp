// What can be said of an exception that a handler threw: its class by its demangled type, and its text.
#pragma once

#include <exception>
#include <string>

namespace eventy {

struct ErrorText {
  std::string error_class, reason;
  bool is_decode_error = false;
};
ErrorText describe(const std::exception_ptr& error);

}  // namespace eventy
