// When partitions begin to work whose states are read from the changelog, and what stops that. On a real
// broker, with copies whose disk is slow.
// ctest: KAFKA TIMEOUT 180
#define CAF_SUITE kafka_restore

#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

#include "caf/test/unit_test.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

using namespace eventy;
using conformance::Driver;
using conformance::driver_options;
using conformance::Slice;

namespace {

using Time = std::chrono::steady_clock;
constexpr std::size_t large = 24;                    // MiB of states of a partition whose restore takes long
constexpr std::chrono::milliseconds slow_write{50};  // of a batch, about a MiB
constexpr std::chrono::milliseconds slow_opening{30};
constexpr std::chrono::milliseconds stop_limit{200};

// What the disk of a node has to do, and how slow it is.
struct Disk {
  std::atomic<int> opened = 0, batches = 0;
  std::chrono::milliseconds opening{0}, write{0};
};

class OnDisk final : public LocalState {
 public:
  OnDisk(std::unique_ptr<LocalState> copy, std::shared_ptr<Disk> disk)
      : copy_(std::move(copy)), disk_(std::move(disk)) {}
  Result<std::optional<std::string>> get(std::string_view key) const override { return copy_->get(key); }
  Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
    if (!changes.empty()) {
      ++disk_->batches;
      std::this_thread::sleep_for(disk_->write);
    }
    return copy_->apply(changes, place);
  }
  Result<LogPosition> place() const override { return copy_->place(); }
  Result<void> clear() override { return copy_->clear(); }

 private:
  std::unique_ptr<LocalState> copy_;
  std::shared_ptr<Disk> disk_;
};

OpenLocalState copies_on(std::shared_ptr<Disk> disk) {
  return [disk, open = local_state_in_memory()](
             const std::string& service, PartitionId partition) -> Result<std::unique_ptr<LocalState>> {
    std::this_thread::sleep_for(disk->opening);
    ++disk->opened;
    return std::unique_ptr<LocalState>(std::make_unique<OnDisk>(open(service, partition).value(), disk));
  };
}

struct Fixture {
  Fixture() {
    options.bootstrap = eventy::tests::kafka_bootstrap();
    options.prefix = eventy::tests::unique_prefix();
    options.session_timeout = std::chrono::milliseconds(2000);
  }
  std::unique_ptr<RecordStore> open(std::uint32_t partitions, std::shared_ptr<Disk> disk = {}) {
    if (disk) options.local_state = copies_on(std::move(disk));
    auto store = kafka::open(options).value();
    store->ensure_topics({{"in", partitions}, {"out", partitions}}).value();
    return store;
  }
  // States of so many MiB in each of the partitions, and a small one in every other.
  void write_states(std::uint32_t partitions, const std::vector<std::uint32_t>& large_ones) {
    const auto store = open(partitions);
    Driver driver(*store);
    driver.ready(partitions);
    for (std::uint64_t cycle = 1; cycle <= large; ++cycle) {
      for (const std::uint32_t p : large_ones)
        for (int k = 0; k < 16; ++k) driver.append(Slice(p).set(key(cycle, k), std::string(64 << 10, 'v')));
      driver.commit(cycle);
    }
    for (std::uint32_t p = 0; p < partitions; ++p) driver.append(Slice(p).set("small", "1"));
    driver.commit(large + 1);
    CAF_REQUIRE_EQUAL(driver.committed.size(), large + 1);
  }
  static std::string key(std::uint64_t cycle, int k) {
    return std::to_string(cycle) + "/" + std::to_string(k);
  }

  kafka::Options options = {};
};

std::shared_ptr<Disk> slow_disk() {
  auto disk = std::make_shared<Disk>();
  disk->write = slow_write;
  return disk;
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(restore, Fixture)

CAF_TEST(partitions_work_while_others_are_still_restored) {
  write_states(3, {1});
  const auto store = open(3, slow_disk());
  Driver driver(*store);
  driver.ready(2);
  CAF_CHECK(!driver.states.contains(PartitionId{1}));
  CAF_CHECK_EQUAL(driver.state("small", 0).value(), std::optional<std::string>("1"));
  driver.append(Slice(0).set("small", "2").emit("out"));
  driver.commit(100);
  CAF_CHECK_EQUAL(driver.committed.size(), 1u);
  CAF_CHECK(!driver.states.contains(PartitionId{1}));
  driver.ready(3);
  CAF_CHECK_EQUAL(driver.state(key(large, 15), 1).value(), std::optional(std::string(64 << 10, 'v')));
  CAF_CHECK_EQUAL(driver.state("small", 1).value(), std::optional<std::string>("1"));
}

CAF_TEST(partitions_work_while_copies_of_others_are_still_opened) {
  constexpr std::uint32_t partitions = 40;
  const auto disk = std::make_shared<Disk>();
  disk->opening = slow_opening;
  const auto store = open(partitions, disk);
  Driver driver(*store);
  driver.ready(1);
  CAF_MESSAGE(disk->opened << " copies are open, " << driver.states.size() << " partitions work");
  CAF_CHECK(disk->opened < static_cast<int>(partitions) / 2);
  driver.append(Slice(driver.states.begin()->first.value).set("small", "1"));
  driver.commit(1);
  CAF_CHECK_EQUAL(driver.committed.size(), 1u);
  driver.ready(partitions);
}

CAF_TEST(a_session_that_ends_stops_its_restores) {
  write_states(2, {0, 1});
  const auto disk = slow_disk();
  const auto store = open(2, disk);
  std::vector<std::chrono::milliseconds> took;
  for (int i = 0; i < 3; ++i) {
    Driver driver(*store);
    disk->batches = 0;
    driver.until("the restore", [&] { return disk->batches > 2; });
    const auto asked = Time::now();
    driver.drop();
    took.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(Time::now() - asked));
    CAF_MESSAGE(took.back().count() << " ms, after " << disk->batches << " batches");
    CAF_CHECK(disk->batches < static_cast<int>(large));
  }
  std::sort(took.begin(), took.end());
  CAF_CHECK(took[1] < stop_limit);
  Driver next(*store);  // and the states are whole after the next one
  next.ready(2);
  CAF_CHECK_EQUAL(next.state(key(1, 0), 1).value(), std::optional(std::string(64 << 10, 'v')));
}

// Else it would hold up those that come instead.
CAF_TEST(a_partition_that_goes_is_restored_no_further) {
  write_states(2, {0, 1});
  const auto disk = slow_disk();
  const auto first_store = open(2, disk), second_store = open(2, std::make_shared<Disk>());
  Driver first(*first_store, driver_options("counter", "one"));
  first.until("the restore", [&] { return disk->batches > 2; });
  const auto joins = disk->batches.load();
  disk->write = slow_write * 4;
  Driver second(*second_store, driver_options("counter", "two"));
  first.until("a partition to be taken", [&] { return second.step(), !first.revoked.empty(); });
  CAF_REQUIRE_EQUAL(first.revoked.size(), 1u);
  first->release(first.revoked);
  second.until("its partition", [&] { return first.step(), second.states.size() == 1; });
  first.until("its partition", [&] { return second.step(), first.states.size() == 1; });
  CAF_MESSAGE(disk->batches << " batches, " << joins << " of them before the second one came");
  CAF_CHECK(first.states.begin()->first != second.states.begin()->first);
  CAF_CHECK(disk->batches < static_cast<int>(2 * large - large / 4));
}

CAF_TEST_FIXTURE_SCOPE_END()
