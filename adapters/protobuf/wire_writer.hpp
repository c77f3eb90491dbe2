// The Writer of `Map` of record.proto, to the end of a string. A size precedes its content and is not known
// in advance, so the writer leaves one byte for it, and moves the content if the size needs more. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"
#include "wire.hpp"

namespace google::protobuf {
class Message;
}

namespace eventy::protobuf::detail {

class WireWriter final : public Writer {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  enum class Root : std::uint8_t {
    data,     // of a Record: `fields` or `message`
    bare_map  // only the members of a Map
  };
  // Starts one value, a map. The string is complete only after finish(); before, it is longer. Members and
  // items beyond `max_elements` throw std::invalid_argument.
  void start(std::string& out, Root root, std::size_t max_elements = none);
  void finish();

  // For encoders: fields of a Record, between start() and the value.
  void field_text(std::uint32_t field, std::string_view utf8);
  void field_number(std::uint32_t field, std::uint64_t value);
  void field_block(std::uint32_t field, std::string_view encoded);

  // Writes the message as the whole data, if no data is written yet. False: the caller must write its fields.
  bool put_message(const google::protobuf::Message& message);

  void open_map(std::size_t) override { open(Container::map); }
  void member(std::string_view name) override;
  void close_map() override { close(); }
  void open_list(std::size_t) override { open(Container::list); }
  void item() override;
  void close_list() override { close(); }
  void null() override;
  void boolean(bool value) override { number(1, value); }
  void integer(std::int64_t value) override { number(2, zigzag(value)); }
  void unsigned_integer(std::uint64_t value) override;
  void real(double value) override;
  void text(std::string_view utf8) override;
  void bytes(std::span<const std::byte> value) override;
  void instant(Instant value) override;

 private:
  enum class Container : std::uint8_t { map = 8, list = 7 };  // the fields of Value
  struct Open {
    std::size_t entry;    // position of the member's size; none: an item or the root
    std::size_t value;    // position of the Value's size; none: the root
    std::size_t content;  // position of its first byte
  };

  char* room(std::size_t count);
  void advance(const char* end) { at_ = static_cast<std::size_t>(end - out_->data()); }
  void put_block(std::uint32_t tag, std::string_view bytes);
  void open(Container container);
  void close();
  void number(std::uint32_t field, std::uint64_t value);
  void block(std::uint32_t field, std::string_view bytes);
  void end_entry();
  void count();
  // Writes the size of the bytes from `at + 1` to the end before them, at `at`.
  void put_size(std::size_t at);

  std::string* out_ = nullptr;
  std::size_t at_ = 0;  // end of the written bytes
  Root root_ = Root::data;
  std::size_t elements_left_ = none;
  std::size_t entry_ = none;  // position of the size of the member whose value comes next
  std::vector<Open> open_;
};

}  // namespace eventy::protobuf::detail
