// The Reader of `Map` and `Context` of record.proto, straight on the bytes, and of a user's message, which is
// taken as a whole or else turned into a `Map`. One thread. Views are into the bytes that were decoded, or
// last until the next start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/serializer.hpp"
#include "schemas.hpp"
#include "wire.hpp"

namespace eventy::protobuf::detail {

// The one value of a `Value`, by its field's number.
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
  services,  // no Value: the map of a Context
  message    // no Value: an Any
};

struct Slot {
  Is is = Is::null;
  std::uint64_t number = 0;     // raw
  std::string_view block = {};  // of text, bytes, list, map; of a message its bytes
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
  // The message that comes next, of that type, into `out`. False: another kind of value comes next.
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
  void unpack();  // a message, into a map

  DecodeLimits limits_;
  std::shared_ptr<const Schemas> schemas_;
  Slot current_;
  std::vector<Open> open_;
  std::size_t elements_ = 0;
  std::string unpacked_;
};

// The user's message of an Any. Throws DecodeError.
Slot slot_of_any(std::string_view any);

}  // namespace eventy::protobuf::detail
