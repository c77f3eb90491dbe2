// The writer of MessagePack: each value goes to the end of a string at once. One thread.
#pragma once

#include <msgpack.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"

namespace eventy::msgpack::detail {

class MsgpackWriter final : public Writer {
 public:
  MsgpackWriter() = default;
  explicit MsgpackWriter(std::string& out) { start(out); }
  MsgpackWriter(const MsgpackWriter&) = delete;
  MsgpackWriter& operator=(const MsgpackWriter&) = delete;

  void start(std::string& out) { target_.out = &out; }
  void append(std::string_view encoded) { target_.out->append(encoded); }

  void open_map(std::size_t members) override;
  void member(std::string_view name) override { text(name); }
  void close_map() override {}
  void open_list(std::size_t items) override;
  void item() override {}
  void close_list() override {}
  void null() override { packer_.pack_nil(); }
  void boolean(bool value) override;
  void integer(std::int64_t value) override { packer_.pack_int64(value); }
  void unsigned_integer(std::uint64_t value) override { packer_.pack_uint64(value); }
  void real(double value) override;
  void text(std::string_view utf8) override;
  void bytes(std::span<const std::byte> value) override;
  void instant(Instant value) override;

 private:
  struct Target {
    std::string* out = nullptr;
    void write(const char* data, std::size_t size) { out->append(data, size); }
  };

  Target target_;
  ::msgpack::packer<Target> packer_{target_};
};

}  // namespace eventy::msgpack::detail
