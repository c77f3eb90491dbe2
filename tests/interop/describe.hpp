// What a value holds, as lines `path=kind:value` in plain ASCII: texts in hexadecimal, reals by their bits.
// Made before encoding on one side and after decoding on the other, so that both can be compared without
// trusting the format in between. values.py makes the same lines.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"

namespace interop {

class Describer final : public eventy::Writer {
 public:
  void open_map(std::size_t members) override { open(members, "{}"); }
  void member(std::string_view name) override { path_.back() = '.' + spelled(name); }
  void close_map() override { path_.pop_back(); }
  void open_list(std::size_t items) override { open(items, "[]"), next_.push_back(0); }
  void item() override { path_.back() = '[' + std::to_string(next_.back()++) + ']'; }
  void close_list() override { path_.pop_back(), next_.pop_back(); }
  void null() override { line("null"); }
  void boolean(bool value) override { line(value ? "true" : "false"); }
  void integer(std::int64_t value) override { line("i:" + std::to_string(value)); }
  void unsigned_integer(std::uint64_t value) override { line("i:" + std::to_string(value)); }
  void real(double value) override { line("r:" + hex(std::bit_cast<std::uint64_t>(value))); }
  void text(std::string_view utf8) override { line("t:" + hex(std::as_bytes(std::span(utf8)))); }
  void bytes(std::span<const std::byte> value) override { line("b:" + hex(value)); }
  void instant(eventy::Instant value) override {
    line("d:" + std::to_string(value.time_since_epoch().count()));
  }

  std::vector<std::string> sorted() && {
    std::sort(lines_.begin(), lines_.end());
    return std::move(lines_);
  }

 private:
  static std::string hex(std::span<const std::byte> bytes) {
    std::string out;
    for (const std::byte b : bytes) {
      out += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4];
      out += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15];
    }
    return out;
  }
  static std::string hex(std::uint64_t bits) {
    std::vector<std::byte> bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(std::byte(bits >> shift & 0xff));
    return hex(bytes);
  }
  // A name of letters, digits, `_`, `-` and `:` as it is, any other one in hexadecimal.
  static std::string spelled(std::string_view name) {
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
             c == '-' || c == ':';
    });
    return plain ? std::string(name) : '%' + hex(std::as_bytes(std::span(name)));
  }
  void open(std::size_t size, std::string_view empty) {
    if (size == 0) line(empty);
    path_.emplace_back();
  }
  void line(std::string_view value) {
    std::string whole;
    for (const auto& step : path_) whole += step;
    lines_.push_back(whole.append("=").append(value));
  }

  std::vector<std::string> path_ = {}, lines_ = {};
  std::vector<std::size_t> next_ = {};  // of each open list: the index of its next item
};

template <class T>
std::vector<std::string> describe(const T& value) {
  using eventy::write;
  Describer describer;
  write(describer, value);
  return std::move(describer).sorted();
}

}  // namespace interop
