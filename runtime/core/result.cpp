#include "eventy/core/result.hpp"

namespace eventy {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::configuration:
      return "configuration";
    case ErrorCode::decode:
      return "decode";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::permission_denied:
      return "permission_denied";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::newer_format:
      return "newer_format";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::fenced:
      return "fenced";
    case ErrorCode::aborted:
      return "aborted";
    case ErrorCode::unknown_outcome:
      return "unknown_outcome";
    case ErrorCode::no_space:
      return "no_space";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::timed_out:
      return "timed_out";
    case ErrorCode::clock:
      return "clock";
    case ErrorCode::io:
      return "io";
    case ErrorCode::stopped:
      return "stopped";
    case ErrorCode::closed:
      return "closed";
    case ErrorCode::full:
      return "full";
    case ErrorCode::internal:
      return "internal";
  }
  return "unknown";
}

bool is_permanent(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::configuration:
    case ErrorCode::unsupported:
    case ErrorCode::permission_denied:
    case ErrorCode::corrupt:
    case ErrorCode::newer_format:
    case ErrorCode::stopped:
      return true;
    default:
      return false;
  }
}

}  // namespace eventy
