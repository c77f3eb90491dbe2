// Each serializer against what one would write by hand, and other libraries: a record's bytes to its
// envelope, context and struct, and back. Ways take turns within one run; figures are medians of CPU time.
//   bench_serializers [--smoke]    one short round, in which goals do not count
#include <cstdio>
#include <cstring>

#include "tests/bench/serializers/formats.hpp"

int main(int argc, char** argv) {
  using namespace eventy::benchmark;
  Options options;
  if (argc > 1 && std::strcmp(argv[1], "--smoke") == 0) options = {.rounds = 1, .slot = 0, .judge = false};
  std::printf("CPU time, medians of %d rounds in turn; eventy/ = eventy's time by this one's\n",
              options.rounds);
  bool met = true;
  for (const auto run : {run_json, run_msgpack, run_avro, run_protobuf}) met = run(options) && met;
  return met ? 0 : 3;
}
