// Errors as values: one documented enum, and a Result that holds a value or an error with its context. For
// functions that may fail in normal operation; a handler or a constructor that fails throws instead.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace eventy {

enum class ErrorCode : std::uint8_t {
  invalid_argument = 1,  // an argument breaks a documented rule
  configuration,         // the configuration has a mistake; the text says where
  decode,                // the bytes do not match their format
  unsupported,           // well formed, but of a kind or version that this build does not read
  not_found,             // a file, topic, partition or service does not exist
  permission_denied,     // the operating system or the store denies access
  corrupt,               // stored data fails its checksum or check; none of it was returned
  newer_format,          // a newer version of this library wrote the data
  busy,                  // another process holds the resource; the text names it
  fenced,                // a newer session owns this partition or service; this session must end
  aborted,               // the cycle was aborted; nothing of it is visible
  unknown_outcome,       // a commit was sent and its answer was lost; call resolve(), never guess
  no_space,              // the disk is full; nothing was acknowledged; may succeed once there is space
  too_large,             // a record or a field exceeds a limit
  timed_out,             // a deadline passed
  clock,     // this machine's clock differs too much from the store's; succeeds once it is corrected
  io,        // any other failure of a file, a socket or a database
  stopped,   // a failure policy stopped the process
  closed,    // used after close, or during shutdown
  full,      // a queue of this process holds what it may; nothing was taken; succeeds once it is shorter
  internal,  // a defect of this library
};

std::string_view to_string(ErrorCode code);

// True for errors that recur until a person intervenes: a permission, the configuration, corrupt data.
// Callers do not retry them.
bool is_permanent(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  // One line for a person: what happened, where (file, topic, partition, offset), and what to do.
  std::string message = {};
};

// Carries an Error through code that cannot return one.
class Failure : public std::runtime_error {
 public:
  explicit Failure(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : value_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return value_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Throws Failure if there is no value.
  T& value() & { return checked(), std::get<0>(value_); }
  const T& value() const& { return checked(), std::get<0>(value_); }
  T value() && { return checked(), std::get<0>(std::move(value_)); }  // by value: safe on a temporary
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(value_); }

 private:
  void checked() const {
    if (!ok()) throw Failure(error());
  }
  std::variant<T, Error> value_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  void value() const {
    if (error_) throw Failure(*error_);
  }
  const Error& error() const { return error_.value(); }

 private:
  std::optional<Error> error_;
};

}  // namespace eventy
