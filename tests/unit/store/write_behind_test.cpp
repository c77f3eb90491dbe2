// Changes of states that wait in memory before another copy, one here that can refuse to be written.
#define CAF_SUITE write_behind

#include "eventy/store/write_behind.hpp"

#include "caf/test/unit_test.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

using namespace eventy;

namespace {

constexpr std::chrono::seconds patience{30};

// What the copy behind has, seen from outside, and whether it can be written. The thread that writes tells of
// each change of it, so that a test waits for what it does and not for time.
struct Disk {
  std::atomic<bool> full = false;
  std::atomic<std::int64_t> place = 0;
  std::atomic<int> writes = 0;
  std::atomic<int> refusals = 0;  // writes that failed
  std::atomic<int> open = 0;      // copies

  void change(const std::function<void()>& how) {
    const std::lock_guard lock(mutex_);
    how();
    changed_.notify_all();
  }
  // False: it has not come to that within our patience.
  bool wait_until(const std::function<bool()>& done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, done);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class OnDisk final : public LocalState {
 public:
  explicit OnDisk(Disk& disk) : disk_(disk) {
    disk_.change([&] { ++disk_.open; });
  }
  OnDisk(const OnDisk&) = delete;
  OnDisk& operator=(const OnDisk&) = delete;
  ~OnDisk() override {
    disk_.change([&] { --disk_.open; });
  }
  Result<std::optional<std::string>> get(std::string_view key) const override { return copy_->get(key); }
  Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
    if (disk_.full) {
      disk_.change([&] { ++disk_.refusals; });
      return Error{ErrorCode::no_space, "full"};
    }
    ++disk_.writes;
    auto applied = copy_->apply(changes, place);
    disk_.change([&] { disk_.place = place.next.value; });
    return applied;
  }
  Result<LogPosition> place() const override { return copy_->place(); }
  Result<void> clear() override { return copy_->clear(); }

 private:
  Disk& disk_;
  std::unique_ptr<LocalState> copy_ = local_state_in_memory()("", PartitionId{0}).value();
};

struct Fixture {
  std::unique_ptr<LocalState> copy(std::size_t limit = 1u << 20) { return copy(limit, 0, disk); }
  std::unique_ptr<LocalState> copy(std::size_t limit, std::uint32_t partition, Disk& on) {
    disks[partition] = &on;
    if (!open)
      open = write_behind(
          [this](const std::string&, PartitionId p) -> Result<std::unique_ptr<LocalState>> {
            return std::unique_ptr<LocalState>(std::make_unique<OnDisk>(*disks.at(p.value)));
          },
          {.limit = limit, .delay = delay});
    return open("counter", PartitionId{partition}).value();
  }
  static Result<void> load(LocalState& copy, std::int64_t n) { return put(copy, n, &LocalState::load); }
  static Result<void> apply(LocalState& copy, std::int64_t n) { return put(copy, n, &LocalState::apply); }
  static Result<void> put(LocalState& copy, std::int64_t n, decltype(&LocalState::apply) how) {
    const std::string key = "key " + std::to_string(n % 10),
                      value = std::to_string(n) + std::string(1'000, '.');
    const LocalState::Change change{key, value};
    return (copy.*how)({&change, 1}, {.next = Offset{n}});
  }
  bool written_up_to(std::int64_t n) { return written_up_to(n, disk); }
  static bool written_up_to(std::int64_t n, Disk& disk) {
    return disk.wait_until([&] { return disk.place == n; });
  }
  // The writing of what waits has failed, and it is known. It is known of one failure when the next one
  // comes.
  bool writing_has_failed() {
    const int before = disk.refusals;
    return disk.wait_until([&] { return disk.refusals >= before + 2; });
  }

  Disk disk = {}, other = {};
  std::map<std::uint32_t, Disk*> disks = {};
  OpenLocalState open = {};
  Duration delay = {};
};

std::int64_t value_at(const LocalState& copy, std::int64_t n) {
  return std::stoll(copy.get("key " + std::to_string(n % 10)).value().value());
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(write_behind_tests, Fixture)

CAF_TEST(what_was_loaded_is_there_at_once_and_is_written_later_in_its_order) {
  const auto copy = this->copy();
  disk.full = true;
  for (std::int64_t n = 1; n <= 25; ++n) load(*copy, n).value();
  for (std::int64_t n = 16; n <= 25; ++n) CAF_CHECK_EQUAL(value_at(*copy, n), n);
  CAF_CHECK_EQUAL(copy->place().value().next.value, 25);
  CAF_CHECK_EQUAL(disk.place.load(), 0);
  disk.full = false;
  CAF_CHECK(written_up_to(25));
  CAF_CHECK_EQUAL(disk.writes.load(), 25);
  for (std::int64_t n = 16; n <= 25; ++n) CAF_CHECK_EQUAL(value_at(*copy, n), n);
}

CAF_TEST(a_key_that_is_gone_hides_what_the_copy_behind_has) {
  const auto copy = this->copy();
  load(*copy, 1).value();
  CAF_REQUIRE(written_up_to(1));
  disk.full = true;
  const LocalState::Change gone{"key 1", std::nullopt};
  copy->load({&gone, 1}, {.next = Offset{2}}).value();
  CAF_CHECK_EQUAL(disk.place.load(), 1);
  CAF_CHECK(!copy->get("key 1").value());
}

CAF_TEST(what_is_applied_waits_behind_what_waits_and_goes_straight_on_once_nothing_does) {
  const auto copy = this->copy();
  load(*copy, 1).value();
  const LocalState::Change change{"key 1", "2"};
  copy->apply({&change, 1}, {.next = Offset{2}}).value();
  CAF_CHECK(written_up_to(2));
  CAF_CHECK(copy->get("key 1").value() == "2");
  CAF_CHECK_EQUAL(disk.writes.load(), 2);
  std::int64_t n = 2;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  do {  // the last one may be seen before it is done
    copy->apply({&change, 1}, {.next = Offset{++n}}).value();
  } while (disk.place != n && std::chrono::steady_clock::now() < deadline);
  CAF_CHECK_EQUAL(disk.place.load(), n);
}

CAF_TEST(what_is_applied_within_the_delay_is_written_once) {
  delay = Duration(200);
  const auto copy = this->copy();
  for (std::int64_t n = 1; n <= 25; ++n) apply(*copy, n).value();
  for (std::int64_t n = 16; n <= 25; ++n) CAF_CHECK_EQUAL(value_at(*copy, n), n);
  CAF_CHECK_EQUAL(copy->place().value().next.value, 25);
  CAF_CHECK_EQUAL(disk.place.load(), 0);
  CAF_CHECK(written_up_to(25));
  CAF_CHECK_EQUAL(disk.writes.load(), 1);
  for (std::int64_t n = 16; n <= 25; ++n) CAF_CHECK_EQUAL(value_at(*copy, n), n);
  for (std::int64_t n = 26; n <= 27; ++n) apply(*copy, n).value();
  CAF_CHECK(written_up_to(27));
  CAF_CHECK_EQUAL(disk.writes.load(), 2);
}

CAF_TEST(what_is_applied_without_end_is_written_all_the_same) {
  delay = Duration(20);
  const auto copy = this->copy();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (std::int64_t n = 1; disk.writes < 3 && std::chrono::steady_clock::now() < deadline; ++n) {
    apply(*copy, n).value();
    std::this_thread::yield();
  }
  CAF_CHECK(disk.writes.load() >= 3);
}

CAF_TEST(loads_and_what_is_applied_keep_their_order) {
  delay = Duration(60'000);
  auto copy = this->copy();
  disk.full = true;
  const LocalState::Change gone{"key 3", std::nullopt};
  load(*copy, 1).value();
  apply(*copy, 11).value();
  CAF_CHECK_EQUAL(value_at(*copy, 11), 11);
  load(*copy, 21).value();
  CAF_CHECK_EQUAL(value_at(*copy, 21), 21);
  apply(*copy, 23).value();
  copy->apply({&gone, 1}, {.next = Offset{24}}).value();
  CAF_CHECK(!copy->get("key 3").value());
  CAF_CHECK_EQUAL(copy->place().value().next.value, 24);
  disk.full = false;
  CAF_CHECK(written_up_to(21));
  CAF_CHECK_EQUAL(copy->place().value().next.value, 24);
  CAF_CHECK(!copy->get("key 3").value());
  copy = this->copy();
  CAF_CHECK_EQUAL(disk.place.load(), 24);
}

CAF_TEST(beyond_the_limit_an_apply_writes_what_the_copy_has_waiting) {
  delay = Duration(60'000);
  const auto copy = this->copy(5'000);
  for (std::int64_t n = 1; n <= 12; ++n) apply(*copy, n).value();
  CAF_CHECK(disk.writes.load() >= 1);
  for (std::int64_t n = 3; n <= 12; ++n) {
    if (disk.place < n) CAF_CHECK_EQUAL(value_at(*copy, n), n);
  }
  disk.full = true;
  std::int64_t n = 12;
  while (n < 30 && apply(*copy, n + 1)) ++n;
  CAF_CHECK(n < 30);
  CAF_CHECK_EQUAL(copy->place().value().next.value, n);
  disk.full = false;
  apply(*copy, n + 1).value();
  CAF_CHECK_EQUAL(copy->place().value().next.value, n + 1);
}

CAF_TEST(what_was_applied_and_cannot_be_written_is_told_by_the_next_apply) {
  delay = Duration(1);
  const auto copy = this->copy();
  disk.full = true;
  constexpr std::int64_t n = 1;
  apply(*copy, n).value();
  CAF_REQUIRE(writing_has_failed());
  CAF_CHECK(apply(*copy, n + 1).error().code == ErrorCode::no_space);
  CAF_CHECK_EQUAL(copy->place().value().next.value, n);
  disk.full = false;
  CAF_CHECK(written_up_to(n));
}

CAF_TEST(beyond_the_limit_a_load_writes_what_the_copy_has_waiting) {
  const auto copy = this->copy(10'000);
  for (std::int64_t n = 1; n <= 12; ++n) load(*copy, n).value();
  CAF_CHECK(disk.writes.load() >= 2);
  CAF_CHECK_EQUAL(value_at(*copy, 12), 12);
}

CAF_TEST(what_cannot_be_written_waits_on_and_an_apply_is_told) {
  const auto copy = this->copy();
  disk.full = true;
  load(*copy, 1).value();
  const LocalState::Change change{"key 2", "2"};
  const auto apply = [&] { return copy->apply({&change, 1}, {.next = Offset{2}}); };
  (void)apply();  // waits too, unless writing was tried before
  CAF_REQUIRE(writing_has_failed());
  CAF_CHECK(apply().error().code == ErrorCode::no_space);
  load(*copy, 3).value();
  CAF_CHECK_EQUAL(value_at(*copy, 1), 1);
  CAF_CHECK_EQUAL(copy->place().value().next.value, 3);
  disk.full = false;
  CAF_CHECK(written_up_to(3));
  apply().value();
}

CAF_TEST(a_limit_that_cannot_be_kept_is_an_error_with_nothing_loaded) {
  const auto copy = this->copy(2'000);
  disk.full = true;
  std::int64_t n = 0;
  while (n < 10 && load(*copy, n + 1)) ++n;
  CAF_CHECK(n >= 1 && n < 10);
  CAF_CHECK_EQUAL(copy->place().value().next.value, n);
  disk.full = false;
  load(*copy, n + 1).value();
  CAF_CHECK_EQUAL(copy->place().value().next.value, n + 1);
}

CAF_TEST(one_copy_that_cannot_be_written_keeps_no_other_up) {
  const auto full = copy(), free = copy(1u << 20, 1, other);
  disk.full = true;
  load(*full, 1).value();
  load(*free, 7).value();
  CAF_CHECK(written_up_to(7, other));
  CAF_CHECK_EQUAL(disk.writes.load(), 0);
}

CAF_TEST(a_partition_that_is_opened_again_has_what_waited) {
  const auto copy = this->copy();
  load(*copy, 1).value();
  const auto again = this->copy();
  CAF_CHECK_EQUAL(disk.place.load(), 1);
}

CAF_TEST(a_partition_that_is_opened_again_ends_the_copy_that_waited_without_an_owner) {
  load(*copy(), 1).value();
  const auto again = copy();
  CAF_CHECK_EQUAL(disk.place.load(), 1);
  CAF_CHECK_EQUAL(disk.open.load(), 1);
}

CAF_TEST(what_waits_is_written_after_the_end_of_its_copy) {
  auto copy = this->copy();
  disk.full = true;
  load(*copy, 1).value();
  copy.reset();
  CAF_CHECK_EQUAL(disk.open.load(), 1);
  disk.full = false;
  CAF_CHECK(written_up_to(1));
  disk.wait_until([&] { return disk.open == 0; });
  CAF_CHECK_EQUAL(disk.open.load(), 0);
}

CAF_TEST(the_end_of_all_writes_what_waits) {
  auto copy = this->copy();
  load(*copy, 1).value();
  load(*copy, 2).value();
  copy.reset();
  open = nullptr;
  CAF_CHECK_EQUAL(disk.place.load(), 2);
  CAF_CHECK_EQUAL(disk.open.load(), 0);
}

CAF_TEST(clear_forgets_what_waits) {
  const auto copy = this->copy();
  disk.full = true;
  load(*copy, 1).value();
  copy->clear().value();
  CAF_CHECK(!copy->get("key 1").value());
  CAF_CHECK_EQUAL(copy->place().value().next.value, 0);
  CAF_CHECK_EQUAL(disk.writes.load(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
