// Each serializer against what one would write by hand, and other libraries: a record's bytes to its
// envelope, context and struct, and back. Ways take turns within one run; figures are medians of CPU time.
//   bench_serializers [--smoke] [--peer PYTHON] [json|msgpack|avro|protobuf]...
// --smoke: one short round, in which goals do not count. PYTHON: an interpreter with the package of the
// Python peer.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/bench/serializers/formats.hpp"

namespace {

using namespace eventy::benchmark;

struct Format {
  std::string_view name;
  bool (*run)(const Options&);
  bool chosen = false;
};

[[noreturn]] void fail_usage(const char* program) {
  std::fprintf(stderr, "usage: %s [--smoke] [--peer PYTHON] [json|msgpack|avro|protobuf]...\n", program);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  Format formats[] = {
      {"json", run_json}, {"msgpack", run_msgpack}, {"avro", run_avro}, {"protobuf", run_protobuf}};
  bool all = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto format =
        std::find_if(std::begin(formats), std::end(formats), [&](auto& f) { return f.name == word; });
    if (word == "--smoke") {
      options.rounds = 1, options.slot = 0, options.judge = false;
    } else if (word == "--peer" && i + 1 < argc) {
      options.python = argv[++i];
    } else if (format != std::end(formats)) {
      format->chosen = true, all = false;
    } else {
      fail_usage(argv[0]);
    }
  }
  std::printf("CPU time, medians of %d rounds in turn; eventy/ = eventy's time by this one's\n",
              options.rounds);
  bool met = true;
  for (const Format& format : formats)
    if (all || format.chosen) met = format.run(options) && met;
  return met ? 0 : 3;
}
