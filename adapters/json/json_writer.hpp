// The writer of JSON, with its inner calls inline for the encoder. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/string_appender.hpp"

namespace eventy::json::detail {

// Writes a comma after every value; the end of the map or list replaces it. So no call needs to know whether
// its value is the first.
class JsonWriter final : public Writer {
 public:
  explicit JsonWriter(std::string& out) : text_(&out) {}
  JsonWriter() = default;

  // For encoders. Begins an object; the caller appends its first characters to output().
  StringAppender& start_object(std::string& out);
  StringAppender& output() { return out_; }
  void end_object();  // closes the object and completes the string
  void leave_open();  // completes the string, without closing maps and lists
  void quoted(std::string_view utf8, char after);

  void open_map(std::size_t) override { open('{'); }
  void member(std::string_view name) override { quoted(name, ':'); }
  void close_map() override { close('}'); }
  void open_list(std::size_t) override { open('['); }
  void item() override {}
  void close_list() override { close(']'); }
  void null() override { literal("null,"); }
  void boolean(bool value) override;
  void integer(std::int64_t value) override;
  void unsigned_integer(std::uint64_t value) override;
  void real(double value) override;
  void text(std::string_view utf8) override;
  void bytes(std::span<const std::byte> value) override;
  void instant(Instant value) override { integer(value.time_since_epoch().count()); }

 private:
  void begin_value() {
    if (depth_ == 0) [[unlikely]]
      out_.attach(*text_);
  }
  void end_value() {
    if (depth_ == 0) [[unlikely]]
      finish();
  }
  void open(char bracket) {
    begin_value();
    out_.put(bracket);
    ++depth_;
  }
  void close(char bracket) {
    if (out_.last() == ',') out_.drop_last();
    char* to = out_.room(2);
    to[0] = bracket, to[1] = ',';
    out_.advance(2);
    --depth_;
    end_value();
  }
  template <std::size_t N>
  void literal(const char (&value)[N]) {
    begin_value();
    out_.append_literal(value);
    end_value();
  }
  void finish();
  void quoted_with_escapes(std::string_view utf8);

  StringAppender out_;
  std::string* text_ = nullptr;
  std::size_t depth_ = 0;
};

}  // namespace eventy::json::detail
