#include <fmt/format.h>
#include <spdlog/formatter.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>

#include "eventy/core/utf8.hpp"
#include "log.hpp"
#include "log_limits.hpp"

namespace eventy {

namespace {

const char* severity_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return "DEBUG";
    case spdlog::level::info:
      return "INFO";
    case spdlog::level::warn:
      return "WARNING";
    case spdlog::level::err:
      return "ERROR";
    case spdlog::level::critical:
      return "CRITICAL";
    default:
      return "DEFAULT";
  }
}

// The size of the UTF-8 character that `text` starts with; 0: it is invalid.
std::size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return size <= text.size() && is_utf8(text.substr(0, size)) ? size : 0;
}

std::uint32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(character[i])}; };
  if (character.size() == 1) return byte(0);
  std::uint32_t code = byte(0) & (0x7fu >> character.size());
  for (std::size_t i = 1; i < character.size(); ++i) code = code << 6 | (byte(i) & 0x3f);
  return code;
}

// Control characters, line separators and direction marks: a terminal or an editor would obey them.
bool is_obeyed(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Appends a JSON text. Replaces each byte that is not UTF-8 by U+FFFD.
void append_text(spdlog::memory_buf_t& out, std::string_view text, std::size_t most = longest_message) {
  const auto append = [&](std::string_view part) { out.append(part.data(), part.data() + part.size()); };
  append("\"");
  std::size_t at = 0;
  while (at < text.size() && at < most) {
    const auto size = character(text.substr(at));
    const auto shown = text.substr(at, size);
    at += std::max<std::size_t>(size, 1);
    if (size == 0) {
      append("\\ufffd");
    } else if (shown == "\"" || shown == "\\") {
      append("\\"), append(shown);
    } else if (shown == "\n") {
      append("\\n");
    } else if (const auto code = code_point(shown); is_obeyed(code)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    } else {
      append(shown);
    }
  }
  append(at < text.size() ? "...\"" : "\"");
}

// RFC 3339 in UTC. Times before 1970 have no place in a log.
void append_time(spdlog::memory_buf_t& out, spdlog::log_clock::time_point time) {
  using namespace std::chrono;
  const auto since = duration_cast<nanoseconds>(time.time_since_epoch());
  const auto seconds = duration_cast<std::chrono::seconds>(since);
  const std::time_t whole = seconds.count();
  std::tm utc{};
  gmtime_r(&whole, &utc);
  fmt::format_to(std::back_inserter(out), "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z\"",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                 (since - seconds).count());
}

class Json final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    fmt::format_to(std::back_inserter(out), R"({{"severity":"{}","time":)", severity_of(message.level));
    append_time(out, message.time);
    fmt::format_to(std::back_inserter(out), R"(,"thread":{},"message":)", message.thread_id);
    append_text(out, {message.payload.data(), message.payload.size()});
    if (!message.source.empty()) append_source(out, message.source);
    fmt::format_to(std::back_inserter(out), "}}\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<Json>(); }

 private:
  static void append_source(spdlog::memory_buf_t& out, const spdlog::source_loc& source) {
    fmt::format_to(std::back_inserter(out), R"(,"logging.googleapis.com/sourceLocation":{{"file":)");
    append_text(out, source.filename ? source.filename : "");
    fmt::format_to(std::back_inserter(out), R"(,"line":{},"function":)", source.line);
    append_text(out, source.funcname ? source.funcname : "");
    fmt::format_to(std::back_inserter(out), "}}");
  }
};

}  // namespace

std::unique_ptr<spdlog::formatter> json_formatter() { return std::make_unique<Json>(); }

}  // namespace eventy
