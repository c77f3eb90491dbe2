// The port of a record format. A Serializer is a shared, immutable value; a Decoder or Encoder that it makes
// is reused for many records and belongs to one thread. Implemented by the adapters json, msgpack, …
#pragma once

#include <bitset>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/record.hpp"

namespace eventy {

// Bytes that must be readable (not meaningful) behind every value that a Decoder gets: parsers read in
// strides.
inline constexpr std::size_t value_padding = 64;

// What a decoder refuses before it allocates. All are counts; `max_bytes` is bytes.
struct DecodeLimits {
  std::size_t max_bytes = 16u << 20;
  std::size_t max_depth = 32;           // maps and lists within each other, data included
  std::size_t max_elements = 1u << 20;  // members and items of one record in all
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Reads the envelope of one record and checks it against broken_rule(). `bytes` needs value_padding
  // readable bytes behind it and must stay until the next call; all views that come out last as long. Throws
  // DecodeError: not the format, a rule broken, a member twice, bytes left over, a limit passed.
  virtual const Envelope& decode(std::string_view bytes) = 0;
  virtual bool context_is_empty() = 0;
  virtual void read_context(Context& out) = 0;  // of the record decoded last
  virtual Reader& data() = 0;                   // at the start of its data; each call starts over
};

// Context versions from here on belong to encode() below.
inline constexpr std::uint64_t first_version_of_encode = std::uint64_t{1} << 63;

// The context of an output: the part that all outputs of a turn share, and for a request one more entry of
// the service's own, spliced in.
struct OutgoingContext {
  const Context* common = nullptr;  // null: empty
  // A new number for every new content of `common`: encoders cache by it. Below first_version_of_encode.
  std::uint64_t version = 0;
  std::string_view own_namespace = {};
  std::string_view extra_name = {};  // empty: none. Belongs to own_namespace, is not in `common`
  std::string_view extra_value = {};
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Appends the record up to its data to `out` and returns the writer for the data: one map. end() completes
  // the record. The envelope is trusted: who builds it checks it.
  virtual Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) = 0;
  virtual void end() = 0;
};

// The bytes that a record of a format can begin with.
using FirstBytes = std::bitset<256>;

class Serializer {
 public:
  virtual ~Serializer() = default;
  virtual std::string_view name() const = 0;  // as configuration spells it
  // Tells its records from those of other formats in one topic; see by_first_byte(). Default: any byte, so
  // that they cannot be told apart.
  virtual FirstBytes first_bytes() const { return FirstBytes().set(); }
  virtual std::unique_ptr<Decoder> make_decoder(const DecodeLimits& limits = {}) const = 0;
  virtual std::unique_ptr<Encoder> make_encoder() const = 0;
  // Why it cannot write records of this name, as far as that is known beforehand: it has no schema for them.
  virtual std::optional<std::string> cannot_write(Kind, std::string_view /*ns*/,
                                                  std::string_view /*name*/) const {
    return std::nullopt;
  }
};

// For a decoder's reason to refuse bytes: what else they seem to be, `, but …`, or nothing. It knows the
// frame of schema registries: 0, then the number of a schema in four bytes.
std::string seems_to_be(std::string_view bytes);

// One serializer out of several, for topics that hold records of several formats: it reads each record by the
// format that its first byte belongs to, and writes by the first one. Throws std::invalid_argument where a
// byte can begin records of two of them, as it then would have to guess, and where there are none. A name
// that is there twice counts once.
std::shared_ptr<const Serializer> by_first_byte(std::vector<std::shared_ptr<const Serializer>> formats);

// The format of states: a value without an envelope. Same rules of threads and sharing.
class ValueDecoder {
 public:
  virtual ~ValueDecoder() = default;
  virtual Reader& start(std::string_view bytes) = 0;  // needs no padding
  virtual void finish() = 0;                          // throws DecodeError if bytes are left over
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

// Whole owning records through a serializer, for tools, clients and tests.
// Throws std::invalid_argument where the record breaks a rule or holds what the format cannot carry; as with
// DecodeError below, the text begins with the path, as in `data.legs[3].dest: …`.
std::string encode(const Record& record, Encoder& encoder);
// `bytes` needs no padding here: they are copied.
Record decode(std::string_view bytes, Decoder& decoder);

}  // namespace eventy
