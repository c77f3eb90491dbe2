// The engine alone: decode, dispatch, count, encode, on the memory store in one thread, against a bare loop
// of simdjson parse, struct and encode over the same records, in turn in one run.
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "eventy/msgpack/msgpack.hpp"
#include "eventy/store/memory_store.hpp"
#include "examples/counter/counter.hpp"
#include "tests/bench/workload.hpp"
#include "tests/support/local_node.hpp"

namespace {

constexpr int runs = 15;

using namespace eventy;
using namespace eventy::benchmark;

using counter::Clicked;

std::vector<NewRecord> make_records(std::size_t count) {
  const auto encoder = json::serializer()->make_encoder();
  std::vector<NewRecord> records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(clicked(i, *encoder));
  return records;
}

// CPU seconds from the first poll until everything is committed; reading and committing in the memory store
// included. `engine_only`: of the partitions alone, without polls that find nothing.
double run_engine(const std::vector<NewRecord>& records, double& engine_only) {
  MemoryStore store;
  store.ensure_topics({{"bench-events", partitions}}).value();
  store.append("bench-events", records).value();
  const SystemClock clock;
  eventy::testing::LocalService node(
      store, counter::service(), {.serializer = json::serializer(), .state_format = msgpack::state_format()},
      {}, clock, partitions);
  engine_only = 0;
  const Usage start = usage_now();
  for (bool done = false; !done;) {
    node.poll();
    const Usage before = usage_now();
    const bool worked = node.work();
    if (worked) engine_only += (usage_now() - before).cpu;
    node.hand_over();
    done = !worked && node.bridge().idle();
  }
  const double all = (usage_now() - start).cpu;
  std::uint64_t counted = 0;
  for (std::uint32_t p = 0; p < partitions; ++p)
    counted += static_cast<std::uint64_t>(store.end_of("counter-events", {p}).value().value);
  if (counted != records.size())
    std::printf("WRONG: %llu outputs\n", static_cast<unsigned long long>(counted)), std::exit(1);
  return all;
}

// What one would write by hand for this one record type: no envelope rules, no uuid, no context, no
// transaction.
double run_bare(const std::vector<NewRecord>& records) {
  std::string slab;
  std::vector<std::pair<std::size_t, std::size_t>> at;
  for (const auto& r : records) at.emplace_back(slab.size(), r.value.size()), slab += r.value;
  slab.append(simdjson::SIMDJSON_PADDING, '\0');
  simdjson::dom::parser parser;
  std::unordered_map<std::string, std::int64_t> counts;
  std::string out;
  std::uint64_t bytes = 0;
  const Usage start = usage_now();
  for (const auto& [from, size] : at) {
    const simdjson::dom::object o = parser.parse(slab.data() + from, size, false).get_object();
    Clicked c;
    std::string_view uuid, chain, key, date;
    for (const auto field : o) {
      if (field.key == "uuid")
        uuid = field.value.get_string();
      else if (field.key == "correlation_id")
        chain = field.value.get_string();
      else if (field.key == "partition_key")
        key = field.value.get_string();
      else if (field.key == "date_iso8601")
        date = field.value.get_string();
      else if (field.key == "data") {
        for (const auto member : field.value.get_object()) {
          if (member.key == "n")
            c.n = member.value.get_int64();
          else if (member.key == "page")
            c.page = std::string(std::string_view(member.value.get_string()));
        }
      }
    }
    const std::int64_t count = ++counts[std::string(key)];
    out.clear();
    out +=
        R"({"type":"EVENT","namespace":"urn:counter","name":"Counted","protocol_version":"3.0.0","version":"1.0.0","source":"urn:counter","uuid":")";
    out += uuid;
    out += R"(","correlation_id":")";
    out += chain;
    out += R"(","partition_key":")";
    out += key;
    out += R"(","date_timestamp":1357000000000,"date_iso8601":")";
    out += date;
    out += R"(","context":{},"data":{"key":")";
    out += key;
    out += R"(","count":)";
    out += std::to_string(count);
    out += "}}";
    bytes += out.size();
  }
  const double cpu = (usage_now() - start).cpu;
  if (bytes == 0) std::exit(1);
  return cpu;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  const auto records = make_records(count);
  std::vector<double> engine, whole, bare, ratio;
  for (int i = 0; i < runs; ++i) {
    double only = 0;
    const double all = run_engine(records, only);
    const double by_hand = run_bare(records);
    engine.push_back(only), whole.push_back(all), bare.push_back(by_hand), ratio.push_back(only / by_hand);
  }
  const auto ns = [&](double s) { return s * 1e9 / static_cast<double>(count); };
  std::printf("engine alone, %zu records of %zu bytes, one thread, medians of %d in turn\n", count,
              records[0].value.size(), runs);
  std::printf("  decode, dispatch, handle, encode: %.0f ns a record, %.0f records/s\n", ns(median(engine)),
              1e9 / ns(median(engine)));
  std::printf("  the same with the memory store's reading and committing: %.0f ns a record\n",
              ns(median(whole)));
  std::printf("  bare loop of simdjson, struct, encode: %.0f ns a record\n", ns(median(bare)));
  std::printf("  ratio engine / bare: %.2f (goal: at most 2)\n", median(ratio));
  return median(ratio) <= 2 ? 0 : 3;
}
