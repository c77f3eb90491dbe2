// The Reader of `Map` and `Context` of record.proto, directly on the bytes, and of a user's message, which it
// takes as a whole or converts to a `Map`. One thread. Views point into the decoded bytes, or are valid until
// the next start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/serializer.hpp"
#include "schemas.hpp"
#include "wire.hpp"

namespace eventy::protobuf::detail {

// The kind of a `Value`: the number of its field.
enum class Is : std::uint8_t {
  null,
  boolean,
  integer,
  unsigned_integer,
  real,
  text,
  bytes,
  list,
  map,
  instant,
  services,  // not a Value: the map of a Context
  message    // not a Value: an Any
};

struct Slot {
  Is is = Is::null;
  std::uint64_t number = 0;     // raw
  std::string_view block = {};  // the bytes of a text, bytes, list, map or message
  std::string_view type = {};   // of a message
};

class WireReader final : public Reader {
 public:
  WireReader(const DecodeLimits& limits, std::shared_ptr<const Schemas> schemas)
      : limits_(limits), schemas_(std::move(schemas)) {}
  void start(const Slot& root) {
    current_ = root;
    open_.clear();
    elements_ = 0;
  }
  // Reads the next value, a message, into `out`. False: the next value is not a message.
  bool take_message(google::protobuf::Message& out);

  ValueType type() override;
  void open_map() override;
  bool member(std::string_view& name) override;
  void open_list() override;
  bool item() override;
  bool null() override { return current_.is == Is::null; }
  bool boolean() override { return expect(Is::boolean, "a boolean").number != 0; }
  std::int64_t integer() override;
  std::uint64_t unsigned_integer() override;
  double real() override;
  std::string_view text() override;
  void bytes(std::vector<std::byte>& out) override;
  Instant instant() override;
  void skip() override;

 private:
  struct Open {
    WireCursor rest;
    Is is;
  };

  const Slot& expect(Is is, const char* wanted) const;
  void open(Is is);
  void count();
  void unpack();  // converts a message to a map

  DecodeLimits limits_;
  std::shared_ptr<const Schemas> schemas_;
  Slot current_;
  std::vector<Open> open_;
  std::size_t elements_ = 0;
  std::string unpacked_;
};

// The user's message in an Any. Throws DecodeError.
Slot slot_of_any(std::string_view any);

}  // namespace eventy::protobuf::detail
