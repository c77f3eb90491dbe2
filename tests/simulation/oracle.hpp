// What the oracle reads: whole topics, and the dead letters by where they come from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "eventy/testing/simulated_store.hpp"

namespace eventy::simulation {

struct Line {  // a record of a topic
  PartitionId partition;
  Offset offset;
  std::optional<std::string> key;  // under which it is stored
  std::optional<Record> record;    // none: it does not decode
  std::map<std::string, std::string> headers;

  std::string name() const { return record ? record->name() : std::string(); }
  std::string owner() const { return record->partition_key().value_or(std::string()); }
  bool is(std::string_view wanted) const { return record && record->name() == wanted; }
  std::optional<std::int64_t> number(std::string_view member) const;
  std::string text(std::string_view member) const;
};

// Everything that is committed in a topic, partition by partition in the order of offsets.
std::vector<Line> lines_of(testing::SimulatedStore& store, const std::string& topic);

class Findings {
 public:
  template <class A, class B>
  void equal(const std::string& what, const A& found, const B& expected) {
    if (!(found == expected)) add(what + ": found " + shown(found) + ", expected " + shown(expected));
  }
  void add(std::string what) { all_.push_back(std::move(what)); }
  std::vector<std::string> take() { return std::move(all_); }

 private:
  static std::string shown(const std::string& s) { return '"' + s + '"'; }
  static std::string shown(std::uint64_t n) { return std::to_string(n); }
  static std::string shown(std::int64_t n) { return std::to_string(n); }
  template <class A, class B>
  static std::string shown(const std::pair<A, B>& p) {
    return shown(p.first) + ':' + shown(p.second);
  }
  template <class T>
  static std::string shown(const std::vector<T>& list) {
    std::string text;
    for (const auto& item : list) text += (text.empty() ? "[" : " ") + shown(item);
    return list.empty() ? "[]" : text + ']';
  }
  std::vector<std::string> all_;
};

// How many dead letters there must be of a place (topic/partition@offset, or a source's place).
class DeadLetters {
 public:
  void expect(const std::string& place, int at_least, int at_most) {
    auto& range = expected_[place];
    range.first += at_least, range.second += at_most;
  }
  void judge(const std::vector<Line>& found, Findings& findings) const;

 private:
  std::map<std::string, std::pair<int, int>> expected_;
};

std::string place_of(const std::string& topic, const Line& line);

}  // namespace eventy::simulation
