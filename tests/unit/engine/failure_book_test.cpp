// What a partition keeps of failures: the input that waits, parked keys in their order, and their rows.
#define CAF_SUITE engine_failure_book
#include "runtime/engine/failure_book.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;

const InputId first_click{"web-events", 0};

struct Subject : Parts {
  explicit Subject(const Tune& tune = [](auto&) {})
      : Parts(clicks_with<Page>({.retry = {.times = 3, .max = Duration(10'000)}}, [](auto&, auto&) {}),
              tune) {
    CAF_REQUIRE(book->load());
  }
  std::unique_ptr<FailureBook> open() const {
    return std::make_unique<FailureBook>(*runtime, PartitionId{0}, rows, clock, 1000);
  }
  void restart() {
    slice = 0;
    book = open();
    CAF_REQUIRE(book->load());
  }
  void rewind() {
    slice = 0;
    book->rewind();
    CAF_REQUIRE(book->load());
  }
  std::vector<StateChange> end_slice() {
    std::vector<StateChange> changes;
    book->end_slice(++slice, changes);
    return changes;
  }
  void commit(const std::vector<StateChange>& changes) { rows->commit(changes), book->committed(slice); }
  void commit() { commit(end_slice()); }
  void wait(const InputId& id, Duration wait, bool durably) {
    book->wait(
        {.topic = std::string(id.source), .offset = id.number, .failures = {{.handler = "x", .attempts = 2}}},
        clock.now() + wait, durably);
  }
  void park(std::int64_t offset, const std::string& key = "ann") {
    book->park(key, {.topic = "web-events", .offset = offset, .value = Bytes(10), .reason = to_bytes("busy")},
               clock.date());
  }
  // Takes the first record of the key out of the book.
  std::int64_t take(const std::string& key = "ann") {
    const ParkedRecord row = book->first(key).value();
    book->drop_first(key, row);
    return row.offset;
  }
  bool has_room(std::size_t bytes, const std::string& key = "ann") const {
    return book->has_room(key, bytes);
  }

  std::uint64_t slice = 0;
  std::unique_ptr<FailureBook> book = open();
};

}  // namespace

CAF_TEST(a_long_wait_survives_a_restart_with_what_failed_and_when_it_is_due) {
  Subject s;
  s.wait(first_click, Duration(5'000), true);
  s.commit();
  s.clock.advance(Duration(2'000));
  s.restart();
  const WaitingInput* known = s.book->waiting(first_click);
  CAF_REQUIRE(known != nullptr);
  CAF_CHECK_EQUAL(known->failures.at(0).attempts, 2);
  const auto left = std::chrono::round<Duration>(s.book->due(*known) - s.clock.now());
  CAF_CHECK(left >= Duration(2'999) && left <= Duration(3'001));
  CAF_CHECK(s.book->waiting({"web-events", 1}) == nullptr);
}

CAF_TEST(a_short_wait_is_not_written) {
  Subject s;
  s.wait(first_click, Duration(50), false);
  CAF_CHECK(!s.book->has_changes());
  CAF_CHECK(s.book->waiting(first_click) != nullptr);
  s.commit();
  CAF_CHECK(s.rows->rows.empty());
  s.restart();
  CAF_CHECK(s.book->waiting(first_click) == nullptr);
}

CAF_TEST(a_wait_is_never_longer_than_the_policies_allow_however_clocks_are_set) {
  Subject s;
  s.clock.set_wall(std::chrono::hours(48));
  s.wait(first_click, Duration(5'000), true);
  s.commit();
  s.clock.set_wall(-std::chrono::hours(48));
  s.restart();
  const WaitingInput* known = s.book->waiting(first_click);
  CAF_REQUIRE(known != nullptr);
  CAF_CHECK(s.book->due(*known) <= s.clock.now() + 2 * Duration(10'000));
}

CAF_TEST(an_input_that_is_done_waits_no_more_and_its_row_is_deleted) {
  Subject s;
  s.wait(first_click, Duration(5'000), true);
  s.commit();
  s.book->done(first_click);
  CAF_CHECK(s.book->waiting(first_click) == nullptr);
  s.commit();
  CAF_CHECK(s.rows->rows.empty());
}

CAF_TEST(attempts_count_again_if_what_settled_their_input_is_undone) {
  Subject s;
  s.wait(first_click, Duration(50), false);
  s.book->done(first_click);
  (void)s.end_slice();
  s.rewind();
  const WaitingInput* known = s.book->waiting(first_click);
  CAF_REQUIRE(known != nullptr);
  CAF_CHECK_EQUAL(known->failures.at(0).attempts, 2);
  CAF_CHECK(s.book->due(*known) <= s.clock.now());
  s.book->done(first_click);
  s.commit();
  s.rewind();
  CAF_CHECK(s.book->waiting(first_click) == nullptr);
}

CAF_TEST(parked_records_leave_in_the_order_in_which_they_came_also_after_a_restart) {
  Subject s;
  s.park(3);
  s.commit();
  s.park(4), s.park(9, "bob"), s.park(5);
  s.commit();
  s.restart();
  CAF_CHECK_EQUAL(s.book->parked("ann"), 3u);
  CAF_CHECK_EQUAL(s.take(), 3);
  s.park(6);
  CAF_CHECK_EQUAL(s.take(), 4);
  s.commit();
  s.restart();
  CAF_CHECK_EQUAL(s.take(), 5);
  CAF_CHECK_EQUAL(s.take(), 6);
  CAF_CHECK_EQUAL(s.take("bob"), 9);
}

CAF_TEST(a_key_whose_last_record_leaves_is_not_parked_and_has_no_rows) {
  Subject s;
  s.park(0), s.park(1);
  CAF_CHECK(s.book->is_parked("ann"));
  CAF_CHECK(!s.book->is_parked("bob"));
  CAF_CHECK(s.book->release("ann"));
  CAF_CHECK_EQUAL(s.book->totals().keys, 1u);
  CAF_CHECK_EQUAL(s.book->totals().records, 2u);
  CAF_CHECK_EQUAL(s.book->totals().bytes, 20u);
  s.commit();
  s.take(), s.take();
  CAF_CHECK(!s.book->is_parked("ann"));
  CAF_CHECK(!s.book->releasing());
  CAF_CHECK_EQUAL(s.book->totals().keys + s.book->totals().records + s.book->totals().bytes, 0u);
  s.commit();
  CAF_REQUIRE_EQUAL(s.rows->rows.size(), 1u);
  CAF_CHECK_EQUAL(s.rows->rows.begin()->first.second, "t");
}

CAF_TEST(released_keys_are_worked_off_one_after_the_other_and_each_once) {
  Subject s;
  s.park(0, "bob"), s.park(1, "ann");
  CAF_CHECK(!s.book->release("cid"));
  CAF_CHECK(s.book->release("bob"));
  CAF_CHECK(s.book->release("ann"));
  CAF_CHECK(s.book->release("ann"));
  CAF_CHECK_EQUAL(s.book->releasing().value_or(""), "bob");
  s.take("bob");
  CAF_CHECK_EQUAL(s.book->releasing().value_or(""), "ann");
  s.take("ann");
  CAF_CHECK(!s.book->releasing());
}

CAF_TEST(a_record_that_fails_again_stays_first_and_its_key_waits_for_another_release) {
  Subject s;
  s.park(0), s.park(1);
  s.book->release("ann");
  ParkedRecord row = s.book->first("ann").value();
  row.attempts = 4;
  s.book->keep_first("ann", row);
  CAF_CHECK(!s.book->releasing());
  CAF_CHECK_EQUAL(s.book->parked("ann"), 2u);
  row = s.book->first("ann").value();
  CAF_CHECK_EQUAL(row.attempts, 4);
}

CAF_TEST(there_is_room_up_to_the_limits_of_key_partition_and_store) {
  Subject s(
      [](auto& o) { o.parking = {.records_per_key = 2, .records = 3, .bytes = 100, .record_bytes = 60}; });
  CAF_CHECK(s.has_room(60));
  CAF_CHECK(!s.has_room(61));
  s.park(0), s.park(1);
  CAF_CHECK(!s.has_room(10));
  CAF_CHECK(s.has_room(10, "bob"));
  s.park(2, "bob");
  CAF_CHECK(!s.has_room(10, "bob"));
  s.take("bob");
  CAF_CHECK(s.has_room(10, "bob"));
  CAF_CHECK(!s.book->can_be_parked("ann", 1000));
}

CAF_TEST(a_rewind_drops_what_is_not_committed) {
  Subject s;
  s.park(0);
  s.commit();
  s.park(1), s.park(2, "bob");
  (void)s.end_slice();
  s.park(3, "cid");
  s.rewind();
  CAF_CHECK_EQUAL(s.book->parked("ann"), 1u);
  CAF_CHECK(!s.book->is_parked("bob") && !s.book->is_parked("cid"));
  CAF_CHECK_EQUAL(s.book->totals().records, 1u);
  CAF_CHECK(!s.book->has_changes());
}

CAF_TEST(a_parked_record_that_is_missing_is_damage) {
  Subject s;
  s.park(0);
  s.commit();
  std::erase_if(s.rows->rows, [](const auto& row) { return row.first.second.starts_with('r'); });
  s.restart();
  CAF_CHECK(throws<Failure>([&] { (void)s.book->first("ann"); }));
}

}  // namespace eventy
