// Hostile records of the format json.
#include "eventy/json/json.hpp"
#include "tests/fuzz/judge.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  eventy::fuzz::judge_records(*eventy::json::serializer(), {reinterpret_cast<const char*>(data), size});
  return 0;
}
