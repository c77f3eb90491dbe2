// The short way to a format of one's own: two functions on whole records. It builds a tree for each record,
// so it is for formats in which convenience counts; one for the hot path implements Serializer itself.
#pragma once

#include "eventy/core/serializer.hpp"

namespace eventy {

// Immutable, shared by any threads. DecodeLimits.max_bytes is kept here; depth and number of elements are up
// to decode().
class RecordSerializer : public Serializer, public std::enable_shared_from_this<RecordSerializer> {
 public:
  // Appends the record. Throws std::invalid_argument for what the format cannot carry.
  virtual void encode(const Record& record, std::string& out) const = 0;
  // Throws DecodeError for bytes that are no record. So does the decoder for any std::logic_error that it
  // lets out: std::invalid_argument of Record's setters, std::out_of_range.
  virtual Record decode(std::string_view bytes) const = 0;

  std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits) const final;
  std::unique_ptr<Encoder> make_encoder() const final;
};

}  // namespace eventy
