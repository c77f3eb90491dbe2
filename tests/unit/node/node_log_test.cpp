// The log of a node says what records say, and no more than a line of it: as text and as JSON, to a stream, a
// terminal and a file.
#define CAF_SUITE node_log

#include <caf/test/unit_test.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "actors/node/log.hpp"
#include "actors/node/log_file.hpp"
#include "eventy/core/one_line.hpp"
#include "eventy/engine/failure_class.hpp"
#include "eventy/json/json.hpp"

namespace {

using namespace eventy;

// A folder for the files of one test.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("eventy-log-" + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::size_t size() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
  }
};

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// What a record looks like after a JSON parser has read its line.
Value parsed(const std::string& text, spdlog::source_loc source = {}) {
  std::ostringstream lines;
  spdlog::logger log("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  log.set_formatter(json_formatter());
  log.log(source, spdlog::level::warn, "{}", text);
  const std::string line = lines.str();
  CAF_CHECK_EQUAL(std::count(line.begin(), line.end(), '\n'), 1);
  CAF_CHECK(line.ends_with("}\n"));
  return json::parse(line);
}

const Value& member(const Value& object, std::string_view name) {
  for (const auto& [key, value] : std::get<ValueMap>(object.is))
    if (key == name) return value;
  throw std::out_of_range("no member " + std::string(name));
}

std::string text_of(const Value& object, std::string_view name) {
  return std::get<std::string>(member(object, name).is);
}

// Takes lines that hold nothing but their message.
std::shared_ptr<spdlog::logger> to_file(const std::string& path, std::size_t max_bytes,
                                        std::size_t max_files) {
  auto log = std::make_shared<spdlog::logger>("test", std::make_shared<LogFile>(path, max_bytes, max_files));
  log->set_formatter(one_line_formatter("%v"));
  return log;
}

std::string logged(const std::string& text) {
  std::ostringstream lines;
  spdlog::logger log("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  log.set_formatter(one_line_formatter("%l %v"));
  log.error("[orders/3 {}] failed", text);
  return lines.str();
}

// What a program that logs to standard error shows on a terminal.
std::string on_a_terminal(const LogConfig& config) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  CAF_REQUIRE(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
  const int its = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  const int before = dup(STDERR_FILENO);
  dup2(its, STDERR_FILENO);
  make_log(config)->error("failed");
  dup2(before, STDERR_FILENO);
  char shown[1000];
  const auto size = read(terminal, shown, sizeof shown);
  for (const int file : {before, its, terminal}) close(file);
  return {shown, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

// Files of this process do not grow beyond so many bytes.
class FullAt {
 public:
  explicit FullAt(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FullAt() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

}  // namespace

CAF_TEST(a_text_from_outside_forges_no_line_and_moves_no_cursor) {
  CAF_CHECK_EQUAL(logged("c1"), "error [orders/3 c1] failed\n");
  CAF_CHECK_EQUAL(logged("c1\n2026-11-30 info all is well"),
                  "error [orders/3 c1\\n2026-11-30 info all is well] failed\n");
  CAF_CHECK_EQUAL(logged("\x1b[2J\r\x07\xff"), "error [orders/3 \\x1b[2J\\x0d\\x07\\xff] failed\n");
  CAF_CHECK_EQUAL(logged("\xe2\x80\xae"
                         "dlrow"),
                  "error [orders/3 \\xe2\\x80\\xaedlrow] failed\n");
  CAF_CHECK_EQUAL(logged("caf\xc3\xa9"), "error [orders/3 caf\xc3\xa9] failed\n");
}

CAF_TEST(a_line_has_an_end) {
  const std::string line = logged(std::string(900'000, 'x'));
  CAF_CHECK(line.size() < 9'000);
  CAF_CHECK(line.ends_with("...\n"));
}

CAF_TEST(the_reason_of_a_failure_is_a_line_of_limited_length_too) {
  const auto said = eventy::describe(
      std::make_exception_ptr(std::runtime_error("first\nsecond" + std::string(900'000, 'x'))));
  CAF_CHECK(said.reason.starts_with("first\\nsecondx"));
  CAF_CHECK(said.reason.size() < longest_reason + 10);
}

CAF_TEST(escapes_of_one_line_are_counted_by_what_is_taken) {
  CAF_CHECK_EQUAL(one_line("abc", 2), "ab...");
  CAF_CHECK_EQUAL(one_line("a\nb", 3), "a\\nb");
  CAF_CHECK_EQUAL(one_line("", 0), "");
}

CAF_TEST(a_line_of_JSON_has_the_members_that_Google_Cloud_Logging_reads) {
  const Value record = parsed("all is well");
  CAF_CHECK_EQUAL(std::get<ValueMap>(record.is).size(), 4u);
  CAF_CHECK_EQUAL(text_of(record, "severity"), "WARNING");
  CAF_CHECK_EQUAL(text_of(record, "message"), "all is well");
  CAF_CHECK(std::get<std::int64_t>(member(record, "thread").is) > 0);
  const auto time = text_of(record, "time");
  CAF_CHECK_EQUAL(time.size(), std::string("2026-11-30T12:00:00.123456789Z").size());
  CAF_CHECK(time.starts_with("20") && time[10] == 'T' && time[19] == '.' && time.back() == 'Z');

  const Value with_source = parsed("", {"a \"b\".cpp", 7, "f"});
  const Value& source = member(with_source, "logging.googleapis.com/sourceLocation");
  CAF_CHECK_EQUAL(text_of(source, "file"), "a \"b\".cpp");
  CAF_CHECK_EQUAL(std::get<std::int64_t>(member(source, "line").is), 7);
  CAF_CHECK_EQUAL(text_of(source, "function"), "f");
}

CAF_TEST(a_line_of_JSON_is_exactly_this) {
  using namespace spdlog;
  const log_clock::time_point time(std::chrono::nanoseconds(1'796'083'199'000'000'042));
  details::log_msg message(time, {}, "test", level::err, "[orders/3 c1] failed");
  message.thread_id = 12;
  memory_buf_t line;
  json_formatter()->format(message, line);
  CAF_CHECK_EQUAL(std::string(line.data(), line.size()),
                  R"({"severity":"ERROR","time":"2026-11-30T23:59:59.000000042Z","thread":12,)"
                  R"("message":"[orders/3 c1] failed"})"
                  "\n");
}

CAF_TEST(every_level_has_a_severity) {
  const std::pair<spdlog::level::level_enum, const char*> severities[] = {
      {spdlog::level::trace, "DEBUG"}, {spdlog::level::debug, "DEBUG"},
      {spdlog::level::info, "INFO"},   {spdlog::level::warn, "WARNING"},
      {spdlog::level::err, "ERROR"},   {spdlog::level::critical, "CRITICAL"}};
  for (const auto& [level, severity] : severities) {
    spdlog::memory_buf_t line;
    json_formatter()->format({"test", level, "x"}, line);
    CAF_CHECK_EQUAL(text_of(json::parse({line.data(), line.size()}), "severity"), severity);
  }
}

CAF_TEST(a_message_in_JSON_is_what_was_said_where_it_is_UTF_8) {
  for (const std::string said :
       {"", "a\nb\r\t\"c\" \\ /", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\x1b[2J\x07\x7f\xc2\x9b",
        "\xe2\x80\xae"
        "dlrow\xe2\x80\xa8",
        "\xe2\x81\xa6x"})
    CAF_CHECK_EQUAL(text_of(parsed(said), "message"), said);
  const std::string replaced = "\xef\xbf\xbd";
  CAF_CHECK_EQUAL(text_of(parsed("a\xff"
                                 "b"),
                          "message"),
                  "a" + replaced + "b");
  CAF_CHECK_EQUAL(text_of(parsed("\xc3"), "message"), replaced);
  CAF_CHECK_EQUAL(text_of(parsed("\xed\xa0\x80\xc0\xaf"), "message"),
                  replaced + replaced + replaced + replaced + replaced);
  CAF_CHECK_EQUAL(text_of(parsed(std::string("a\0b", 3)), "message"), std::string("a\0b", 3));
}

CAF_TEST(a_line_of_JSON_moves_no_cursor) {
  spdlog::memory_buf_t line;
  json_formatter()->format(
      {"test", spdlog::level::info, "\x1b[2J\r\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6"}, line);
  const std::string shown(line.data(), line.size());
  CAF_CHECK(shown.find(R"("\u001b[2J\u000d\u007f\u009b\u202e\u2028\u2066")") != shown.npos);
}

CAF_TEST(a_message_in_JSON_has_an_end_too) {
  CAF_CHECK_EQUAL(text_of(parsed(std::string(900'000, 'x')), "message"),
                  std::string(2 * longest_reason, 'x') + "...");
  // Six bytes for each: longer, but limited as well.
  CAF_CHECK_EQUAL(text_of(parsed(std::string(900'000, '\x01')), "message"),
                  std::string(2 * longest_reason, '\x01') + "...");
}

CAF_TEST_FIXTURE_SCOPE(files, Folder)

CAF_TEST(a_log_goes_to_a_file_in_a_folder_that_need_not_exist) {
  const auto path = file("a/b/node.log");
  const auto log = make_log({.level = "warning", .to = path});
  log->info("not said");
  log->warn("said");
  CAF_CHECK(content(path).ends_with(" warning said\n"));  // before anything is flushed
  CAF_CHECK_EQUAL(std::ranges::count(content(path), '\n'), 1);
  make_log({.to = path})->info("more");
  CAF_CHECK(content(path).find("said") < content(path).find("more"));
}

CAF_TEST(a_file_gets_JSON_as_configured) {
  make_log({.format = "json", .to = file("node.log")})->error("a\nb");
  CAF_CHECK_EQUAL(text_of(json::parse(content(file("node.log"))), "message"), "a\nb");
}

CAF_TEST(a_file_that_cannot_be_opened_is_a_mistake_in_the_configuration) {
  try {
    make_log({.to = path.string()});
    CAF_ERROR("it was opened");
  } catch (const Failure& e) {
    CAF_CHECK(e.error().code == ErrorCode::configuration);
    CAF_CHECK_EQUAL(e.error().message,
                    "[log] to: the file \"" + path.string() + "\" cannot be opened: Is a directory");
  }
}

CAF_TEST(a_file_is_rotated_before_it_is_too_long) {
  const auto log = to_file(file("log"), 10, 2);
  for (int n = 10; n < 20; ++n) log->info("{}", n);  // three bytes each
  CAF_CHECK_EQUAL(content(file("log")), "19\n");
  CAF_CHECK_EQUAL(content(file("log.1")), "16\n17\n18\n");
  CAF_CHECK_EQUAL(content(file("log.2")), "13\n14\n15\n");
  CAF_CHECK_EQUAL(size(), 3u);
}

CAF_TEST(a_file_goes_on_where_an_earlier_process_ended) {
  to_file(file("log"), 10, 1)->info("10");
  const auto log = to_file(file("log"), 10, 1);
  for (int n = 11; n < 14; ++n) log->info("{}", n);
  CAF_CHECK_EQUAL(content(file("log")), "13\n");
  CAF_CHECK_EQUAL(content(file("log.1")), "10\n11\n12\n");
}

CAF_TEST(a_line_longer_than_a_file_is_alone_in_it) {
  const auto log = to_file(file("log"), 10, 3);
  for (const char* line : {"a", "bbbbbbbbbbbbbbbbbbbb", "c"}) log->info("{}", line);
  CAF_CHECK_EQUAL(content(file("log")), "c\n");
  CAF_CHECK_EQUAL(content(file("log.1")), "bbbbbbbbbbbbbbbbbbbb\n");
  CAF_CHECK_EQUAL(content(file("log.2")), "a\n");
}

CAF_TEST(no_rotated_files_means_that_the_file_is_emptied) {
  const auto log = to_file(file("log"), 10, 0);
  for (int n = 10; n < 14; ++n) log->info("{}", n);
  CAF_CHECK_EQUAL(content(file("log")), "13\n");
  CAF_CHECK_EQUAL(size(), 1u);
}

CAF_TEST(a_file_that_cannot_be_renamed_keeps_its_limit) {
  std::filesystem::create_directories(file("log.1/in the way"));
  const auto log = to_file(file("log"), 10, 1);
  for (int n = 10; n < 15; ++n) log->info("{}", n);
  CAF_CHECK_EQUAL(content(file("log")), "13\n14\n");
  CAF_CHECK_EQUAL(size(), 2u);
}

CAF_TEST(a_file_that_somebody_removes_is_there_again_after_the_next_rotation) {
  const auto log = to_file(file("log"), 10, 1);
  log->info("10");
  std::filesystem::remove(file("log"));
  for (int n = 11; n < 15; ++n) log->info("{}", n);
  CAF_CHECK_EQUAL(content(file("log")), "13\n14\n");
}

CAF_TEST(lines_for_which_there_is_no_room_are_lost_whole_and_counted) {
  const auto log = to_file(file("log"), 1000, 1);
  {
    const FullAt full(7);
    for (int n = 10; n < 15; ++n) log->info("{}", n);
    CAF_CHECK_EQUAL(content(file("log")), "10\n11\n");
  }
  log->info("15");
  log->info("16");
  CAF_CHECK_EQUAL(content(file("log")),
                  "10\n11\n3 lines of this log are lost: they could not be written\n15\n16\n");
}

CAF_TEST(a_full_device_takes_no_line_and_is_never_renamed) {
  const auto log = to_file("/dev/full", 10, 1);
  for (int n = 10; n < 20; ++n) log->info("{}", n);
  CAF_CHECK(std::filesystem::is_character_file("/dev/full"));
  CAF_CHECK(!std::filesystem::exists("/dev/full.1"));
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(text_on_a_terminal_is_coloured_by_level_and_nothing_else_is) {
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  CAF_CHECK(on_a_terminal({}).ends_with(" \x1b[31m\x1b[1merror\x1b[m failed\r\n"));
  CAF_CHECK(on_a_terminal({.format = "json"}).starts_with("{\"severity\""));
  const Folder folder;
  make_log({.to = folder.file("log")})->error("failed");
  CAF_CHECK(content(folder.file("log")).ends_with(" error failed\n"));
}

CAF_TEST(a_user_who_wants_no_colours_gets_none) {
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  CAF_CHECK(on_a_terminal({}).ends_with(" error failed\r\n"));
  setenv("NO_COLOR", "", 1);
  CAF_CHECK(on_a_terminal({}).find('\x1b') != std::string::npos);
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  CAF_CHECK(on_a_terminal({}).ends_with(" error failed\r\n"));
}
