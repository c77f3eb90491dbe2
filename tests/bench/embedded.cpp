// The counter service on the embedded store as its own process, against a raw loop that appends the same
// bytes to RocksDB in synced batches of 1,000, in turn in one run. usage: bench_embedded COUNTER_BINARY
// FOLDER [RECORDS] [RUNS]
#include <fcntl.h>
#include <rocksdb/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "eventy/rocksdb/rocksdb_store.hpp"
#include "tests/bench/workload.hpp"

namespace {

using namespace eventy;
using namespace eventy::benchmark;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_embedded: %s\n", what.c_str());
  std::exit(1);
}

void fill(const std::filesystem::path& folder, const std::vector<NewRecord>& records) {
  auto store = eventy::rocksdb::open({.path = folder, .sync = false}).value();
  store->ensure_topics({{"bench-events", partitions}}).value();
  for (std::size_t from = 0; from < records.size(); from += 10'000) {
    const std::vector<NewRecord> part(
        records.begin() + static_cast<std::ptrdiff_t>(from),
        records.begin() + static_cast<std::ptrdiff_t>(std::min(from + 10'000, records.size())));
    store->append("bench-events", part).value();
  }
}

Usage run_counter(const std::string& binary, const std::filesystem::path& folder) {
  const Usage before = usage_now(RUSAGE_CHILDREN);
  const pid_t child = fork();
  if (child == 0) {
    execl(binary.c_str(), "counter", "run", "--data", folder.c_str(), "--until-idle", "--set",
          "log.level=error", static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) fail("counter ended with status " + std::to_string(status));
  return usage_now(RUSAGE_CHILDREN) - before;
}

void check(const std::filesystem::path& folder, std::size_t expected) {
  const auto store =
      eventy::rocksdb::open({.path = folder, .access = eventy::rocksdb::Access::read_only}).value();
  std::size_t outputs = 0;
  for (std::uint32_t p = 0; p < partitions; ++p)
    outputs += static_cast<std::size_t>(store->end_of("counter-events", {p}).value().value);
  if (outputs != expected)
    fail(std::to_string(outputs) + " outputs for " + std::to_string(expected) + " records");
}

Usage run_raw(const std::filesystem::path& folder, const std::vector<NewRecord>& records) {
  ::rocksdb::Options options;
  options.create_if_missing = true;
  ::rocksdb::DB* raw = nullptr;
  if (!::rocksdb::DB::Open(options, folder.string(), &raw).ok())
    fail("the raw loop's database does not open");
  const std::unique_ptr<::rocksdb::DB> db(raw);
  ::rocksdb::WriteOptions synced;
  synced.sync = true;
  const Usage before = usage_now();
  ::rocksdb::WriteBatch batch;
  char key[8];
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (std::size_t b = 0; b < 8; ++b) key[b] = static_cast<char>(i >> (8 * (7 - b)));
    if (!batch.Put({key, 8}, records[i].value).ok()) fail("put");
    if (i % 1000 != 999 && i + 1 != records.size()) continue;
    if (!db->Write(synced, &batch).ok()) fail("write");
    batch.Clear();
  }
  return usage_now() - before;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("usage: bench_embedded COUNTER_BINARY FOLDER [RECORDS] [RUNS]");
  const std::filesystem::path folder = argv[2];
  const std::size_t count = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1'000'000;
  const int runs = argc > 4 ? std::atoi(argv[4]) : 3;
  const auto encoder = json::serializer()->make_encoder();
  std::vector<NewRecord> records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(clicked(i, *encoder));
  std::vector<double> ours, ours_cpu, raw, raw_cpu, ratio;
  const auto each = static_cast<double>(count);
  for (int i = 0; i < runs; ++i) {
    const auto counter = folder / ("counter-" + std::to_string(i)),
               loop = folder / ("raw-" + std::to_string(i));
    fill(counter, records);
    sync();
    const Usage a = run_counter(argv[1], counter);
    check(counter, count);
    std::filesystem::remove_all(counter);
    sync();
    const Usage b = run_raw(loop, records);
    std::filesystem::remove_all(loop);
    ours.push_back(each / a.wall), ours_cpu.push_back(a.cpu * 1e6 / each);
    raw.push_back(each / b.wall), raw_cpu.push_back(b.cpu * 1e6 / each);
    ratio.push_back(b.wall / a.wall);
    std::printf("  run %d: counter %.0f records/s, raw loop %.0f\n", i + 1, ours.back(), raw.back());
  }
  std::printf(
      "counter on the embedded store, %zu records of %zu bytes, %u partitions, %zu keys, synced, medians of "
      "%d in turn\n",
      count, records[0].value.size(), partitions, keys, runs);
  std::printf("  counter (whole process, start and end included): %.0f records/s, %.2f us CPU a record\n",
              median(ours), median(ours_cpu));
  std::printf("  raw loop of synced batches of 1,000: %.0f records/s, %.2f us CPU a record\n", median(raw),
              median(raw_cpu));
  std::printf("  ratio counter / raw: %.0f %% (goal: at least 60 %%)\n", 100 * median(ratio));
  return median(ratio) >= 0.6 ? 0 : 3;
}
