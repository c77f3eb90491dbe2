// Hostile bytes where a partition keeps the state of a key. What is read can be written and read as the same.
#include <array>

#include "eventy/engine/runtime.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;

namespace {

enum class Size : std::uint8_t { small, large };
constexpr std::array<std::string_view, 2> enum_names(Size) { return {"small", "large"}; }

struct Leg {
  std::string dest;
  float miles = 0;
  EVENTY_FIELDS(dest, miles);
};
struct State {
  static constexpr std::uint16_t state_version = 3;
  std::int8_t tiny = 0;
  std::uint64_t large = 0;
  double real = 0;
  bool yes = false;
  Size size = Size::small;
  Instant at = {};
  std::optional<std::string> text = {};
  std::vector<std::byte> raw = {};
  std::vector<Leg> legs = {};
  std::map<std::string, std::vector<bool>> flags = {};
  Value any = {};
  EVENTY_FIELDS(tiny, large, real, yes, size, at, text, raw, legs, flags, any);
};

bool read(std::string_view bytes, State& state) {
  static const auto decoder = msgpack::state_format()->make_decoder();
  const fuzz::MemoryWatch watch;
  try {
    read_state(eventy::detail::state_ops<State>, bytes, *decoder, &state);
  } catch (const DecodeError&) {
    return false;
  } catch (const Failure&) {  // of a newer version
    return false;
  }
  fuzz::require(watch.peak() <= fuzz::max_memory(bytes.size()), "a state took more memory than it may");
  return true;
}

std::string written(const State& state) {
  std::string bytes;
  write_state(eventy::detail::state_ops<State>, &state, *msgpack::state_format()->make_encoder(), bytes);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  State state, again;
  if (!read(fuzz::text_of(data, size), state)) return 0;
  const auto bytes = written(state);
  fuzz::require(read(bytes, again) && written(again) == bytes,
                "what is read is written and read as the same");
  return 0;
}
