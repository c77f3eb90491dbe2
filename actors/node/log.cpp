#include "log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cstdlib>

#include "eventy/core/one_line.hpp"
#include "log_file.hpp"
#include "log_limits.hpp"

namespace eventy {

namespace {

class OneLine final : public spdlog::formatter {
 public:
  explicit OneLine(std::string pattern) : pattern_(std::move(pattern)), inner_(pattern_) {}
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override {
    const std::string line = one_line({message.payload.data(), message.payload.size()}, longest_message);
    auto shown = message;
    shown.payload = line;
    inner_.format(shown, into);
    message.color_range_start = shown.color_range_start;
    message.color_range_end = shown.color_range_end;
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<OneLine>(pattern_); }

 private:
  std::string pattern_;
  spdlog::pattern_formatter inner_;
};

// A terminal that shows colours, unless its user wants none (https://no-color.org).
bool shows_colors(int stream) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (!no_color || !*no_color) && terminal && std::string_view(terminal) != "dumb" &&
         ::isatty(stream) == 1;
}

spdlog::sink_ptr make_sink(const LogConfig& config) {
  using namespace spdlog::sinks;
  constexpr auto always = spdlog::color_mode::always;
  const bool is_text = config.format == "text";
  if (config.to == "stderr") {
    if (is_text && shows_colors(STDERR_FILENO)) return std::make_shared<ansicolor_stderr_sink_mt>(always);
    return std::make_shared<stderr_sink_mt>();
  }
  if (config.to == "stdout") {
    if (is_text && shows_colors(STDOUT_FILENO)) return std::make_shared<ansicolor_stdout_sink_mt>(always);
    return std::make_shared<stdout_sink_mt>();
  }
  return std::make_shared<LogFile>(config.to, config.max_file_bytes, config.max_files);
}

}  // namespace

std::unique_ptr<spdlog::formatter> one_line_formatter(std::string pattern) {
  return std::make_unique<OneLine>(std::move(pattern));
}

std::shared_ptr<spdlog::logger> make_log(const LogConfig& config) {
  auto log = std::make_shared<spdlog::logger>("eventy", make_sink(config));
  // The colours begin and end at %^ and %$, on a terminal only.
  log->set_formatter(config.format == "json" ? json_formatter()
                                             : one_line_formatter("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v"));
  log->set_level(spdlog::level::from_str(config.level));
  return log;
}

}  // namespace eventy
