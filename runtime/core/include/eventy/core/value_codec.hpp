// A Writer that builds a Value and a Reader that walks one: a minimal format, for formats that are simple
// rather than fast (RecordSerializer) and for tests of code that uses the ports. The Writer enforces the
// calling order of Writer and spells instants in ISO 8601. A ValueMap may hold a member twice, so the Reader
// can reproduce hostile input. Each belongs to one thread.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "eventy/core/codec.hpp"
#include "eventy/core/date.hpp"

namespace eventy {

class ValueWriter final : public Writer {
 public:
  // The value that was written; throws std::logic_error if it is not exactly one complete value.
  Value take() {
    expect(open_.empty() && whole_, "a value is not complete");
    whole_ = false;
    return std::move(root_);
  }

  void open_map(std::size_t members) override { open(ValueMap{}, members); }
  void member(std::string_view name) override {
    expect(!open_.empty() && open_.back().is_map && !open_.back().value_due, "member() outside a map");
    std::get<ValueMap>(open_.back().at->is).emplace_back(std::string(name), Value{});
    announce();
  }
  void close_map() override { close(true); }
  void open_list(std::size_t items) override { open(ValueList{}, items); }
  void item() override {
    expect(!open_.empty() && !open_.back().is_map && !open_.back().value_due, "item() outside a list");
    std::get<ValueList>(open_.back().at->is).emplace_back();
    announce();
  }
  void close_list() override { close(false); }
  void null() override { put(nullptr); }
  void boolean(bool value) override { put(value); }
  void integer(std::int64_t value) override { put(value); }
  void unsigned_integer(std::uint64_t value) override { put(value); }
  void real(double value) override { put(value); }
  void text(std::string_view utf8) override { put(std::string(utf8)); }
  void bytes(std::span<const std::byte> value) override {
    put(std::vector<std::byte>(value.begin(), value.end()));
  }
  void instant(Instant value) override {
    std::string text;
    append_iso8601(text, value);
    put(std::move(text));
  }

 private:
  struct Open {
    Value* at;
    std::size_t left;
    bool is_map, value_due;
  };

  static void expect(bool held, const char* what) {
    if (!held) throw std::logic_error(what);
  }

  void announce() {
    expect(open_.back().left-- > 0, "more values than were announced");
    open_.back().value_due = true;
  }

  template <class T>
  Value* put(T value) {
    if (open_.empty()) {
      expect(!whole_, "two values instead of one");
      whole_ = true;
      root_.is = std::move(value);
      return &root_;
    }
    auto& parent = open_.back();
    expect(std::exchange(parent.value_due, false), "a value without member() or item()");
    auto& slot = parent.is_map ? std::get<ValueMap>(parent.at->is).back().second
                               : std::get<ValueList>(parent.at->is).back();
    slot.is = std::move(value);
    return &slot;
  }

  template <class T>
  void open(T container, std::size_t size) {
    Value* at = put(std::move(container));
    open_.push_back({at, size, std::is_same_v<T, ValueMap>, false});
  }

  void close(bool is_map) {
    expect(!open_.empty() && open_.back().is_map == is_map, "close of what is not open");
    expect(open_.back().left == 0 && !open_.back().value_due, "fewer values than were announced");
    open_.pop_back();
  }

  Value root_ = {};
  std::vector<Open> open_ = {};
  bool whole_ = false;
};

class ValueReader final : public Reader {
 public:
  explicit ValueReader(const Value& root) : next_(&root) {}  // `root` outlives the reader
  void start(const Value& root) { next_ = &root, open_.clear(); }

  ValueType type() override { return static_cast<ValueType>(next().is.index()); }
  void open_map() override { open_.push_back({&as<ValueMap>("a map"), nullptr, 0}); }
  bool member(std::string_view& name) override {
    auto& [map, list, at] = open_.back();
    if (at == map->size()) return open_.pop_back(), false;
    name = (*map)[at].first;
    next_ = &(*map)[at++].second;
    return true;
  }
  void open_list() override { open_.push_back({nullptr, &as<ValueList>("a list"), 0}); }
  bool item() override {
    auto& [map, list, at] = open_.back();
    if (at == list->size()) return open_.pop_back(), false;
    next_ = &(*list)[at++];
    return true;
  }
  bool null() override {
    if (type() != ValueType::null) return false;
    next_ = nullptr;
    return true;
  }
  bool boolean() override { return as<bool>("a boolean"); }
  std::int64_t integer() override {
    if (type() != ValueType::unsigned_integer) return as<std::int64_t>("an integer");
    return detail::narrow<std::int64_t>(as<std::uint64_t>("an integer"));
  }
  std::uint64_t unsigned_integer() override {
    if (type() != ValueType::integer) return as<std::uint64_t>("an unsigned integer");
    return detail::narrow<std::uint64_t>(as<std::int64_t>("an unsigned integer"));
  }
  double real() override {
    if (type() == ValueType::integer || type() == ValueType::unsigned_integer)
      return static_cast<double>(integer());
    return as<double>("a number");
  }
  std::string_view text() override { return as<std::string>("a text"); }
  void bytes(std::vector<std::byte>& out) override { out = as<std::vector<std::byte>>("bytes"); }
  Instant instant() override {
    if (type() == ValueType::integer || type() == ValueType::unsigned_integer)
      return Instant(Duration(integer()));
    const auto& text = as<std::string>("a date");
    const auto date = parse_iso8601(text);
    if (!date) detail::fail_date(text);
    return *date;
  }
  void skip() override { next(), next_ = nullptr; }

 private:
  struct Open {
    const ValueMap* map;
    const ValueList* list;
    std::size_t at;
  };

  const Value& next() const {
    if (!next_) throw std::logic_error("a value is read twice");
    return *next_;
  }

  template <class T>
  const T& as(const char* expected) {
    auto* value = std::get_if<T>(&next().is);
    if (!value) throw DecodeError(std::string("expected ") + expected);
    next_ = nullptr;
    return *value;
  }

  const Value* next_;
  std::vector<Open> open_ = {};
};

template <class T>
Value to_value(const T& from) {
  ValueWriter writer;
  write(writer, from);
  return writer.take();
}

template <class T>
T from_value(const Value& from, Absent absent = Absent::is_error) {
  ValueReader reader(from);
  T out{};
  read(reader, out, absent);
  return out;
}

}  // namespace eventy
