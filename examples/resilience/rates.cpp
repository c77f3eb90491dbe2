#include "rates.hpp"

#include <fstream>
#include <optional>
#include <sstream>

namespace resilience {

std::int64_t Rates::ask(const std::string& currency) const {
  std::ifstream in(file_);
  if (!in) throw Unreachable("there is no file of rates at " + file_.string());
  std::optional<std::int64_t> found;
  bool is_empty = true;
  for (std::string line; std::getline(in, line); is_empty = false) {
    std::istringstream words(line);
    std::string name, more;
    std::int64_t rate = 0;
    if (!(words >> name >> rate) || rate <= 0 || words >> more)
      throw Damaged("the rates contain \"" + line.substr(0, 40) + "\"");
    if (name == currency) found = rate;
  }
  if (is_empty) throw Busy("the rates are being written");
  if (!found) throw UnknownCurrency("there is no rate for " + currency);
  return *found;
}

}  // namespace resilience
