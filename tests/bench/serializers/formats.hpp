// The formats: each with its ways, on both records. All return whether their goals are met.
#pragma once

#include "tests/bench/serializers/contest.hpp"

namespace eventy::benchmark {

bool run_json(const Options& options);
bool run_avro(const Options& options);
bool run_msgpack(const Options& options);
bool run_protobuf(const Options& options);

}  // namespace eventy::benchmark
