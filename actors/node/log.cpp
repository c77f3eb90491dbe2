#include "log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "eventy/core/one_line.hpp"

namespace eventy {

namespace {

constexpr std::size_t longest_message = 2 * longest_reason;  // space for a reason and the text around it

class OneLine final : public spdlog::formatter {
 public:
  explicit OneLine(std::string pattern) : pattern_(std::move(pattern)), inner_(pattern_) {}
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override {
    const std::string line = one_line({message.payload.data(), message.payload.size()}, longest_message);
    auto shown = message;
    shown.payload = line;
    inner_.format(shown, into);
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<OneLine>(pattern_); }

 private:
  std::string pattern_;
  spdlog::pattern_formatter inner_;
};

}  // namespace

std::unique_ptr<spdlog::formatter> one_line_formatter(std::string pattern) {
  return std::make_unique<OneLine>(std::move(pattern));
}

std::shared_ptr<spdlog::logger> make_log(const std::string& level) {
  auto log = std::make_shared<spdlog::logger>("eventy", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_formatter(one_line_formatter("%Y-%m-%dT%H:%M:%S.%e %l %v"));
  log->set_level(spdlog::level::from_str(level));
  return log;
}

}  // namespace eventy
