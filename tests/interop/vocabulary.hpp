// What this side and the Python peer say to each other. `urn:peer` is the peer's namespace.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/service.hpp"

namespace interop {

enum class Colour : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }

struct Nested {
  std::string word;
  std::vector<std::int64_t> numbers;
  std::map<std::string, std::string> labels;
  EVENTY_FIELDS(word, numbers, labels);
};
struct Sample {  // a member of every type that travels
  std::int64_t number = 0;
  std::optional<std::string> absent = {};
  bool flag = false;
  std::int64_t least = 0, most = 0;
  std::uint64_t largest = 0;
  double real = 0;
  std::string text = {};
  eventy::Instant date = {};
  std::vector<std::string> list = {};
  std::map<std::string, double> reals = {};
  Nested nested = {};
  std::vector<Nested> nesteds = {};
  Colour colour = Colour::red;
  std::vector<std::byte> bytes = {};
  eventy::Value anything = {};
  EVENTY_FIELDS(number, absent, flag, least, most, largest, real, text, date, list, reals, nested, nesteds,
                colour, bytes, anything);
};
struct Carried {
  Sample sample = {};
  std::vector<std::string> claim = {};  // what the sender says is in the sample
  EVENTY_FIELDS(sample, claim);
};
struct Counted {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

// --- of the peer ---
struct Sampled : Carried {
  EVENTY_FIELDS_SOME(sample, claim);
  using record = eventy::Event<"urn:peer", "Sampled", "1.2.3">;
};
struct Judged : Carried {
  EVENTY_FIELDS_SOME(sample, claim);
  using record = eventy::Response<"urn:peer", "Judged", "1.0.0">;
};
struct Judge : Carried {
  EVENTY_FIELDS_SOME(sample, claim);
  using record = eventy::Request<"urn:peer", "Judge", "1.0.0", Judged>;
};
struct Keyed : Counted {
  EVENTY_FIELDS_SOME(n);
  using record = eventy::Event<"urn:peer", "Keyed", "1.0.0">;
};
struct Answered : Counted {
  EVENTY_FIELDS_SOME(n);
  using record = eventy::Response<"urn:peer", "Answered", "1.0.0">;
};
struct Ask : Counted {
  EVENTY_FIELDS_SOME(n);
  using record = eventy::Request<"urn:peer", "Ask", "1.0.0", Answered>;
};
struct Bursted {
  std::int64_t chunks = 0, bytes = 0;
  EVENTY_FIELDS(chunks, bytes);
  using record = eventy::Event<"urn:peer", "Bursted", "1.0.0">;
};

// --- of the service interop, which has no state ---
struct Offered : Carried {
  EVENTY_FIELDS_SOME(sample, claim);
  using record = eventy::Event<"urn:interop", "Offered", "1.0.0">;
};
struct Described : Carried {
  EVENTY_FIELDS_SOME(sample, claim);
  using record = eventy::Response<"urn:interop", "Described", "1.0.0">;
};
struct Describe : Carried {
  EVENTY_FIELDS_SOME(sample, claim);
  using record = eventy::Request<"urn:interop", "Describe", "1.0.0", Described>;
};
struct Echoed : Counted {
  EVENTY_FIELDS_SOME(n);
  using record = eventy::Event<"urn:interop", "Echoed", "1.0.0">;
};
struct Found : Counted {
  EVENTY_FIELDS_SOME(n);
  using record = eventy::Response<"urn:interop", "Found", "1.0.0">;
};
struct Lookup : Counted {
  EVENTY_FIELDS_SOME(n);
  using record = eventy::Request<"urn:interop", "Lookup", "1.0.0", Found>;
};
struct Chunk {
  std::int64_t n = 0;
  std::string filler = {};
  EVENTY_FIELDS(n, filler);
  using record = eventy::Event<"urn:interop", "Chunk", "1.0.0">;
};
struct Seen {  // what a handler here got, in full
  std::string uuid, name, version, source, correlation_id;
  std::optional<std::string> key = {};
  std::int64_t date_ms = 0;
  std::string destination = {}, request_uuid = {};
  bool ok = true;
  std::optional<std::int64_t> error_code = {};
  std::string error_message = {};
  std::vector<std::string> context = {}, lines = {};
  EVENTY_FIELDS(uuid, name, version, source, correlation_id, key, date_ms, destination, request_uuid, ok,
                error_code, error_message, context, lines);
  using record = eventy::Event<"urn:interop", "Seen", "1.0.0">;
};

// --- of the service keeper, which keeps a state for each key ---
struct Kept {
  std::int64_t n = 0, count = 0;
  EVENTY_FIELDS(n, count);
  using record = eventy::Event<"urn:keeper", "Kept", "1.0.0">;
};
struct Settled {
  std::int64_t n = 0, answers = 0;
  EVENTY_FIELDS(n, answers);
  using record = eventy::Event<"urn:keeper", "Settled", "1.0.0">;
};

// The samples that this side sends: edges of every type.
const std::vector<Sample>& samples();

// A request whose sample has this number is refused.
inline constexpr std::int64_t to_refuse = 100;

}  // namespace interop
