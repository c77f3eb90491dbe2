// Each serializer against what one would write by hand, and other libraries: a record's bytes to its
// envelope, context and struct, and back. Ways take turns within one run; figures are medians of CPU time.
//   bench_serializers [--smoke] [--peer PYTHON]
// --smoke: one short round, in which goals do not count. PYTHON: an interpreter with the package of the
// Python peer.
#include <cstdio>
#include <cstring>

#include "tests/bench/serializers/formats.hpp"

int main(int argc, char** argv) {
  using namespace eventy::benchmark;
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--smoke") == 0) {
      options.rounds = 1, options.slot = 0, options.judge = false;
    } else if (std::strcmp(argv[i], "--peer") == 0 && i + 1 < argc) {
      options.python = argv[++i];
    } else {
      std::fprintf(stderr, "usage: %s [--smoke] [--peer PYTHON]\n", argv[0]);
      return 2;
    }
  }
  std::printf("CPU time, medians of %d rounds in turn; eventy/ = eventy's time by this one's\n",
              options.rounds);
  bool met = true;
  for (const auto run : {run_json, run_msgpack, run_avro, run_protobuf}) met = run(options) && met;
  return met ? 0 : 3;
}
