// The writer of MessagePack: the library packs directly to the end of a string. One thread.
#pragma once

#include <msgpack.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"
#include "eventy/core/string_appender.hpp"

namespace eventy::msgpack::detail {

class MsgpackWriter final : public Writer {
 public:
  MsgpackWriter() = default;
  MsgpackWriter(const MsgpackWriter&) = delete;
  MsgpackWriter& operator=(const MsgpackWriter&) = delete;

  // Writes one value after the other. The string is complete after each whole value.
  void start(std::string& out) {
    text_ = &out;
    depth_ = 0;
  }
  // For encoders: writes parts of a value; append() adds parts that are already encoded. The string is
  // complete only after finish().
  void start_parts(std::string& out) {
    start(out);
    begin_value();
    depth_ = 1;
  }
  void append(std::string_view encoded) { target_.out.append(encoded); }
  void finish() {
    depth_ = 0;
    end_value();
  }

  void open_map(std::size_t members) override;
  void member(std::string_view name) override { put_text(name); }
  void close_map() override { close(); }
  void open_list(std::size_t items) override;
  void item() override {}
  void close_list() override { close(); }
  void null() override;
  void boolean(bool value) override;
  void integer(std::int64_t value) override;
  void unsigned_integer(std::uint64_t value) override;
  void real(double value) override;
  void text(std::string_view utf8) override;
  void bytes(std::span<const std::byte> value) override;
  void instant(Instant value) override;

 private:
  struct Target {
    StringAppender out = {};
    void write(const char* data, std::size_t size) { out.append({data, size}); }
  };

  void begin_value() {
    if (depth_ == 0) [[unlikely]]
      target_.out.attach(*text_);
  }
  void end_value() {
    if (depth_ == 0) [[unlikely]]
      target_.out.finish();
  }
  void close() {
    --depth_;
    end_value();
  }
  void put_text(std::string_view utf8);

  Target target_;
  ::msgpack::packer<Target> packer_{target_};
  std::string* text_ = nullptr;
  std::size_t depth_ = 0;  // number of open maps and lists
};

}  // namespace eventy::msgpack::detail
