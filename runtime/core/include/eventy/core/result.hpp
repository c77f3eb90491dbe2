// Errors as values: one documented enum and a result that carries either a value or an error with its
// context. Used wherever failure is normal; a handler or a constructor that fails throws instead.
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
  invalid_argument = 1,  // a caller's value breaks a stated rule
  configuration,         // the configuration has a mistake; the text says where
  decode,                // bytes are not what their format says
  unsupported,           // well formed, but of a kind or version this build does not read
  not_found,             // a file, topic, partition or service does not exist
  permission_denied,     // the operating system or the store refuses access
  corrupt,               // stored data fails its check; nothing was served from it
  newer_format,          // the data was written by a newer version than this one
  busy,                  // another process holds what is asked for; the text names it
  fenced,                // a newer session owns this partition or service; this one must end
  aborted,               // the cycle was undone; nothing of it is visible
  unknown_outcome,       // a commit was sent and its answer is not known; resolve it, never guess
  no_space,              // nothing was acknowledged; may work again when there is room
  too_large,             // a record or a field is over a stated limit
  timed_out,             // a deadline passed
  clock,                 // this machine's date is too far from the store's; works again when it is set right
  io,                    // any other failure of a file, socket or database
  stopped,               // a failure policy says: stop
  closed,                // used after close, or during shutdown
  internal,              // a defect of this library
};

std::string_view to_string(ErrorCode code);

// True where the same again ends the same, until a person mends something: a permission, the configuration,
// damaged data. Who repeats what failed gives up at once.
bool is_final(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message =
      {};  // one line for a person: what, where (file, topic, partition, offset), what to do
};

// Thrown where an Error has to cross code that cannot return one.
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
  // Throws Failure where there is no value.
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
