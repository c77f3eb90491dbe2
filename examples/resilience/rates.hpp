// The dependency of the shop: what a currency is worth. It is a file, so that anybody can take it away, empty
// it, damage it or add a line: `CURRENCY EURO_CENTS_FOR_100`, such as `USD 92`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace resilience {

struct Unreachable : std::runtime_error {  // there is no such file
  using runtime_error::runtime_error;
};
struct Busy : std::runtime_error {  // the file is empty: somebody is writing it
  using runtime_error::runtime_error;
};
struct UnknownCurrency : std::runtime_error {
  using runtime_error::runtime_error;
};
struct Damaged : std::runtime_error {  // it holds something else than rates: nothing in it can be trusted
  using runtime_error::runtime_error;
};

// Asked by all partitions' threads; keeps nothing between questions.
class Rates {
 public:
  explicit Rates(std::filesystem::path file) : file_(std::move(file)) {}
  bool reachable() const { return std::filesystem::exists(file_); }
  // Euro cents for 100 of the currency. Throws one of the above.
  std::int64_t ask(const std::string& currency) const;

 private:
  std::filesystem::path file_;
};

}  // namespace resilience
