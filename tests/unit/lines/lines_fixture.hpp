// A service on Bench that follows the file `inbox` of a temporary folder, and what can happen to that file.
#pragma once

#include <caf/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <new>
#include <random>

#include "eventy/json/json.hpp"
#include "eventy/lines/line_source.hpp"
#include "eventy/testing/bench.hpp"
#include "support/temporary_folder.hpp"

namespace eventy::lines_tests {

struct Taken {
  std::string text;
  std::uint64_t number = 0, total = 0;
  EVENTY_FIELDS(text, number, total);
  using record = Event<"urn:lines", "Taken", "1.0.0">;
};

class Fixture {
 public:
  explicit Fixture(LineSourceOptions options = {}, std::size_t limit = 100)
      : options_(std::move(options)), limit_(limit) {
    options_.clock = clock;
    restart();
  }

  // The process starts again: all is lost that is not committed.
  void restart() {
    source_ = std::make_shared<LineSource>(
        path("inbox"), [this](Poll<LinePosition>& poll, const LineSource::Line& line) { take(poll, line); },
        options_);
  }
  void poll() { bench_.poll("inbox", limit_); }
  std::size_t count() const { return bench_.sent<Taken>().size(); }
  // What is handed on until there is nothing more, as "NUMBER TOTAL TEXT".
  std::vector<std::string> taken() {
    go_on();
    std::vector<std::string> out;
    const auto sent = bench_.sent<Taken>();
    for (; told_ < sent.size(); ++told_)
      out.push_back(std::to_string(sent[told_].number) + ' ' + std::to_string(sent[told_].total) + ' ' +
                    sent[told_].text);
    return out;
  }
  std::vector<std::string> all_texts() {
    go_on();
    std::vector<std::string> out;
    for (const auto& taken : bench_.sent<Taken>()) out.push_back(taken.text);
    return out;
  }
  // The dead letters as "PLACE: REASON".
  std::vector<std::string> dead_letters() const {
    std::vector<std::string> out;
    for (const auto& letter : bench_.dead_letters())
      out.push_back(letter.headers.at("eventy-place") + ": " + letter.headers.at("eventy-reason"));
    return out;
  }
  std::string dead_bytes(std::size_t n) const { return bench_.dead_letters().at(n).bytes; }

  std::string path(const std::string& name) const { return folder_.path() / name; }
  void append(const std::string& bytes, const std::string& name = "inbox") const {
    std::ofstream(path(name), std::ios::binary | std::ios::app) << bytes;
  }
  void write(const std::string& bytes, const std::string& name = "inbox") const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }
  void rename(const std::string& from, const std::string& to) const {
    std::filesystem::rename(path(from), path(to));
  }
  void remove(const std::string& name) const { std::filesystem::remove(path(name)); }
  // inbox.1 becomes inbox.2 and so on; the writer begins a new inbox.
  void rotate_by_rename() {
    if (!std::filesystem::exists(path("inbox"))) return;
    make_room();
    rename("inbox", "inbox.1");
    append("");
  }
  // The writer goes on with the same inbox, which is cut short.
  void rotate_by_copy() {
    if (!std::filesystem::exists(path("inbox"))) return;
    make_room();
    std::filesystem::copy_file(path("inbox"), path("inbox.1"));
    write("");
  }

  std::shared_ptr<testing::VirtualClock> clock = std::make_shared<testing::VirtualClock>();
  bool memory_is_short = true;

 private:
  void take(Poll<LinePosition>& poll, const LineSource::Line& line) {
    if (line.text == "bad_alloc" && memory_is_short) throw std::bad_alloc();
    if (line.text.starts_with("throw")) poll.emit(Taken{"half of it", 0, 0}, "k");
    if (line.text == "throw") throw std::runtime_error("nobody understands it");
    if (line.text == "throw int") throw 7;
    if (line.text == "broken") return poll.emit(Taken{"\xff", 0, 0}, "k");
    poll.emit(Taken{std::string(line.text), line.number, line.total}, "k");
  }
  // Polls until nothing comes, with time for files to count as finished.
  void go_on() {
    for (int quiet = 0; quiet < 12; ++quiet) {
      const auto before = count();
      poll();
      clock->advance(std::chrono::seconds(3));
      if (count() != before) quiet = 0;
    }
  }
  void make_room() {
    for (int n = ++rotations_; n > 1; --n) {
      const std::string older = "inbox." + std::to_string(n), newer = "inbox." + std::to_string(n - 1);
      if (std::filesystem::exists(path(newer))) rename(newer, older);
    }
  }

  tests::TemporaryFolder folder_;
  LineSourceOptions options_;
  std::shared_ptr<LineSource> source_;
  std::size_t limit_, told_ = 0;
  int rotations_ = 0;
  testing::Bench bench_{service<>("lines").source<LinePosition>(
                            "inbox", [this](Poll<LinePosition>& poll) { (*source_)(poll); }),
                        {.serializer = json::serializer()}};
};

}  // namespace eventy::lines_tests
