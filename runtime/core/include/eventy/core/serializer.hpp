// The port of a record format. A Serializer is immutable and shared; the Decoders and Encoders that it makes
// are reused for many records, each by one thread. The adapters json, msgpack, … implement it.
#pragma once

#include <bitset>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/record.hpp"

namespace eventy {

// Every value passed to a Decoder must be followed by this many readable bytes, of any content: parsers read
// in strides.
inline constexpr std::size_t value_padding = 64;

// A decoder rejects records over these limits before it allocates. `max_bytes` is in bytes, the others are
// counts.
struct DecodeLimits {
  std::size_t max_bytes = 16u << 20;
  std::size_t max_depth = 32;           // of nested maps and lists, data included
  std::size_t max_elements = 1u << 20;  // members and items of one record in total
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Decodes the envelope of one record and checks it against broken_rule(). `bytes` must be followed by
  // value_padding readable bytes and stay valid until the next call, as all returned views do. Throws
  // DecodeError for bytes of another format, a broken rule, a repeated member, trailing bytes or an exceeded
  // limit.
  virtual const Envelope& decode(std::string_view bytes) = 0;
  virtual bool context_is_empty() = 0;
  virtual void read_context(Context& out) = 0;  // of the last decoded record
  virtual Reader& data() = 0;  // at the start of the last record's data; each call starts over
};

// encode() below uses the context versions from here on.
inline constexpr std::uint64_t first_version_of_encode = std::uint64_t{1} << 63;

// The context of an output: the part that all outputs of a turn share and, for a request, one more member of
// the service's own entry.
struct OutgoingContext {
  const Context* common = nullptr;  // null: empty
  // A new number for each new content of `common`: encoders use it as a cache key. Below
  // first_version_of_encode.
  std::uint64_t version = 0;
  std::string_view own_namespace = {};
  std::string_view extra_name = {};  // empty: none. A member of the entry of own_namespace; not in `common`
  std::string_view extra_value = {};
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Appends the record up to its data to `out` and returns the writer for the data, which is one map. end()
  // completes the record. The encoder does not check the envelope; the caller has.
  virtual Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) = 0;
  virtual void end() = 0;
};

// The first bytes that records of a format may have.
using FirstBytes = std::bitset<256>;

class Serializer {
 public:
  virtual ~Serializer() = default;
  virtual std::string_view name() const = 0;  // as the configuration spells it
  // Distinguishes its records from those of other formats in one topic; see by_first_byte(). Default: any
  // byte, so they cannot be distinguished.
  virtual FirstBytes first_bytes() const { return FirstBytes().set(); }
  virtual std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits = {}) const = 0;
  virtual std::unique_ptr<Encoder> make_encoder() const = 0;
  // Why the format cannot write records of this name, as far as it knows in advance: it has no schema for
  // them.
  virtual std::optional<std::string> cannot_write(Kind, std::string_view /*ns*/,
                                                  std::string_view /*name*/) const {
    return std::nullopt;
  }
};

// Adds to a decoder's error what the bytes look like instead: `, but …`, or nothing. Recognizes the framing
// of schema registries: 0, then a schema id of four bytes.
std::string format_hint(std::string_view bytes);

// Combines serializers, for topics that hold records of several formats: reads each record with the format
// that its first byte belongs to, and writes with the first format. Throws std::invalid_argument if a byte
// could begin records of two formats, or if there are no formats. Ignores repeated names.
std::shared_ptr<const Serializer> by_first_byte(std::vector<std::shared_ptr<const Serializer>> formats);

// The format of states: a value without an envelope. The rules for threads and sharing are those of
// Serializer.
class ValueDecoder {
 public:
  virtual ~ValueDecoder() = default;
  virtual Reader& start(std::string_view bytes) = 0;  // needs no padding
  virtual void finish() = 0;                          // throws DecodeError for trailing bytes
};
class ValueEncoder {
 public:
  virtual ~ValueEncoder() = default;
  virtual Writer& start(std::string& out) = 0;  // appends
};
class StateFormat {
 public:
  virtual ~StateFormat() = default;
  virtual std::string_view name() const = 0;
  virtual std::unique_ptr<ValueDecoder> make_decoder(const DecodeLimits& limits = {}) const = 0;
  virtual std::unique_ptr<ValueEncoder> make_encoder() const = 0;
};

// Encode and decode whole Records, for tools, clients and tests.
// encode() throws std::invalid_argument if the record breaks a rule or the format cannot carry a value. The
// text begins with the path, as in `data.legs[3].dest: …`.
std::string encode(const Record& record, Encoder& encoder);
// `bytes` needs no padding: it is copied.
Record decode(std::string_view bytes, Decoder& decoder);

}  // namespace eventy
