#include "eventy/json/json.hpp"

#include "tests/bench/serializers/formats.hpp"
#include "tests/bench/serializers/json_by_hand.hpp"

namespace eventy::benchmark {

namespace {

template <class Data>
bool run(const Samples<Data>& samples, const Options& options) {
  std::vector<Way<Data>> ways{ours<Data>(*json::serializer())};
  const auto reader = std::make_shared<ReadByHand>();
  ways.push_back({"simdjson and appends, by hand",
                  [reader](std::string_view bytes, Whole<Data>& out) { (*reader)(bytes, out); },
                  WriteByHand(), 1.25});
  return Contest<Data>("JSON", samples, std::move(ways)).run(options);
}

}  // namespace

bool run_json(const Options& options) {
  const bool small = run(small_samples(), options), large = run(large_samples(), options);
  return small && large;
}

}  // namespace eventy::benchmark
