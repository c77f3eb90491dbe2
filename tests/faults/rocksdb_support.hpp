// What the tests of the embedded store's faults share: folders, a filled store, all that a store holds.
#pragma once

#include "conformance/driver.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "support/temporary_folder.hpp"

#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace eventy::faults {

namespace fs = std::filesystem;
using conformance::Driver;
using conformance::Slice;
using conformance::States;

using Folder = tests::TemporaryFolder;

inline rocksdb::Options options_of(const fs::path& path) {
  rocksdb::Options options;
  options.path = path;
  return options;
}

// A store's folder on a file system of 24 MiB, with buffers that are small beside it.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = ::mount("none", folder_.path().c_str(), "tmpfs", 0, "size=24m") == 0; }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }  // false: we may not mount; there is nothing to test then
  const fs::path& path() const { return folder_.path(); }
  rocksdb::Options options() const {
    auto options = options_of(path() / "data");
    options.write_buffer_size = options.state_buffer_size = 1u << 20;
    options.max_log_bytes = 4u << 20;
    return options;
  }

 private:
  Folder folder_ = {};
  bool mounted_ = false;
};

inline constexpr std::uint32_t partitions = 2;

// All that a store holds for the service `counter`, in comparable form.
struct Contents {
  std::map<std::pair<std::string, std::uint32_t>, std::vector<std::string>> logs = {};
  States states = {};
  std::map<std::uint32_t, std::int64_t> positions = {};
  friend bool operator==(const Contents&, const Contents&) = default;
};

inline Result<std::vector<std::string>> values_of_log(RecordStore& store, const std::string& topic,
                                                      std::uint32_t p) {
  auto reader = store.read(topic, PartitionId{p}, Offset{0});
  if (!reader) return reader.error();
  std::vector<std::string> values;
  for (;;) {
    auto batch = (*reader)->next({});
    if (!batch) return batch.error();
    if ((*batch)->records.empty()) return values;
    for (const auto& r : (*batch)->records) values.emplace_back(r.value);
  }
}

inline Result<Contents> contents_of(RecordStore& store) {
  Contents all;
  for (const char* topic : {"in", "out"}) {
    for (std::uint32_t p = 0; p < partitions; ++p) {
      auto values = values_of_log(store, topic, p);
      if (!values) return values.error();
      all.logs[{topic, p}] = *std::move(values);
    }
  }
  auto scanned =
      store.scan("counter", "state", [&](PartitionId p, std::string_view key, std::string_view value) {
        all.states[{p.value, std::string(key)}] = std::string(value);
        return true;
      });
  if (!scanned) return scanned.error();
  for (std::uint32_t p = 0; p < partitions; ++p) {
    auto position = store.position("counter", "in", PartitionId{p});
    if (!position) return position.error();
    all.positions[p] = position->value;
  }
  return all;
}

inline Result<Contents> contents_in(const fs::path& path,
                                    rocksdb::Access access = rocksdb::Access::read_write) {
  auto options = options_of(path);
  options.access = access;
  auto store = rocksdb::open(options);
  if (!store) return store.error();
  return contents_of(**store);
}

// One input and one cycle per call, each with `value_size` bytes; what it holds names its number, so that
// is_whole() can tell whether a cycle is there in part.
class CycleWriter {
 public:
  CycleWriter(RecordStore& store, std::size_t value_size) : store_(store), size_(value_size) {
    store.ensure_topics({{"in", partitions}, {"out", partitions}}).value();
    driver_ = std::make_unique<Driver>(store);
    driver_->ready(partitions);
  }
  // The number of the cycle, or the reason why it was undone.
  Result<std::uint64_t> cycle() {
    const std::uint64_t number = next_++;
    const auto p = static_cast<std::uint32_t>(number % partitions);
    const std::string value = std::to_string(number) + std::string(size_, 'v');
    auto appended = store_.append("in", {conformance::record(value, "k", p)});
    if (!appended) return appended.error();
    Slice slice(p);
    slice.emit(value, p)
        .emit(value, p)
        .set("last", std::to_string(number))
        .set("key " + std::to_string(number), value);
    slice.next(appended->at(0).value + 1);
    driver_->append(slice);
    const auto aborted = driver_->aborted.size();
    driver_->commit(number);
    if (driver_->aborted.size() > aborted) return driver_->aborted.back().reason;
    return number;
  }
  Driver& driver() { return *driver_; }

 private:
  RecordStore& store_;
  std::size_t size_;
  std::unique_ptr<Driver> driver_ = {};
  std::uint64_t next_ = 1;
};

// How many of each partition's cycles are there, if what is there are whole cycles without a gap; else -1. An
// input may be ahead of its cycle by one.
inline std::int64_t whole_cycles(const Contents& all) {
  std::int64_t sum = 0;
  for (std::uint32_t p = 0; p < partitions; ++p) {
    const auto& in = all.logs.at({"in", p});
    const auto& out = all.logs.at({"out", p});
    const auto position = static_cast<std::size_t>(all.positions.at(p));
    if (out.size() != 2 * position || in.size() < position || in.size() > position + 1) return -1;
    for (std::size_t i = 0; i < position; ++i) {
      if (out[2 * i] != in[i] || out[2 * i + 1] != in[i]) return -1;
      const auto number = in[i].substr(0, in[i].find('v'));
      auto state = all.states.find({p, "key " + number});
      if (state == all.states.end() || state->second != in[i]) return -1;
      if (i + 1 == position && all.states.at({p, "last"}) != number) return -1;
    }
    sum += static_cast<std::int64_t>(position);
  }
  return sum;
}

inline std::string text_in(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
}

inline std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("EVENTY_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

}  // namespace eventy::faults
