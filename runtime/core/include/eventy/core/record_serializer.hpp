// The simple way to write a format of your own: two functions on whole records. It builds a tree for each
// record; a format for the hot path implements Serializer instead.
#pragma once

#include "eventy/core/serializer.hpp"

namespace eventy {

// Immutable; any number of threads may share it. The base class enforces DecodeLimits::max_bytes; decode()
// must limit depth and the number of elements.
class RecordSerializer : public Serializer, public std::enable_shared_from_this<RecordSerializer> {
 public:
  // Appends the record. Throws std::invalid_argument for a value that the format cannot carry.
  virtual void encode(const Record& record, std::string& out) const = 0;
  // Throws DecodeError for bytes that are not a record. The decoder turns any std::logic_error that decode()
  // throws into a DecodeError: std::invalid_argument of Record's setters, std::out_of_range.
  virtual Record decode(std::string_view bytes) const = 0;

  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits) const final;
  std::unique_ptr<Encoder> make_encoder() const final;
};

}  // namespace eventy
