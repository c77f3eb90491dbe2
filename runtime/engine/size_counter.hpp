// A Writer that writes nothing and counts: roughly the bytes that a value takes. It needs no memory and a
// fraction of the time of encoding. One thread.
#pragma once

#include "eventy/core/codec.hpp"

namespace eventy {

class SizeCounter final : public Writer {
 public:
  // The most that a format of ours makes of a counted byte: a control character in JSON takes six.
  static constexpr std::size_t max_bytes_for_one = 6;
  std::size_t bytes_counted() const { return bytes_; }

  void open_map(std::size_t) override { bytes_ += head; }
  void member(std::string_view name) override { bytes_ += head + name.size(); }
  void close_map() override {}
  void open_list(std::size_t) override { bytes_ += head; }
  void item() override { ++bytes_; }
  void close_list() override {}
  void null() override { bytes_ += head; }
  void boolean(bool) override { bytes_ += head; }
  void integer(std::int64_t) override { bytes_ += number; }
  void unsigned_integer(std::uint64_t) override { bytes_ += number; }
  void real(double) override { bytes_ += number; }
  void text(std::string_view utf8) override { bytes_ += head + utf8.size(); }
  void bytes(std::span<const std::byte> value) override { bytes_ += head + value.size(); }
  void instant(Instant) override { bytes_ += number; }

 private:
  static constexpr std::size_t head = 5, number = 9;  // the most that they take in MessagePack
  std::size_t bytes_ = 0;
};

}  // namespace eventy
