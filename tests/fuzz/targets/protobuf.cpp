// Hostile records of the format protobuf, with user's messages in them: those of shop.proto and of the
// library are known.
#include "eventy/protobuf/protobuf.hpp"
#include "shop.pb.h"
#include "tests/fuzz/judge.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  (void)shop::Placed::descriptor();
  static const auto format = eventy::protobuf::serializer();
  // A field of a message that is not set is a member too: what that comes to is capped by max_elements.
  static const eventy::DecodeLimits limits{.max_elements = 1u << 12};
  eventy::fuzz::judge_records(*format, eventy::fuzz::text_of(data, size),
                              {.limits = limits, .extra_memory = 512 * limits.max_elements});
  return 0;
}
