// The dependency of the shop: exchange rates. They are a file, so that anybody can remove, empty or damage
// it, or add a line `CURRENCY EURO_CENTS_FOR_100`, such as `USD 92`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace resilience {

// The file does not exist.
struct Unreachable : std::runtime_error {
  using runtime_error::runtime_error;
};
// The file is empty: somebody is writing it.
struct Busy : std::runtime_error {
  using runtime_error::runtime_error;
};
struct UnknownCurrency : std::runtime_error {
  using runtime_error::runtime_error;
};
// The file contains something else than rates: nothing in it can be trusted.
struct Damaged : std::runtime_error {
  using runtime_error::runtime_error;
};

// All partitions' threads call it. It keeps nothing between calls.
class Rates {
 public:
  explicit Rates(std::filesystem::path file) : file_(std::move(file)) {}
  bool reachable() const { return std::filesystem::exists(file_); }
  // Euro cents for 100 of the currency. Throws one of the errors above.
  std::int64_t ask(const std::string& currency) const;

 private:
  std::filesystem::path file_;
};

}  // namespace resilience
