// The slice that is being made: when it is full, what it holds, and how slices are numbered.
#define CAF_SUITE engine_slice_draft
#include "runtime/engine/slice_draft.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;

struct Subject : Parts {
  explicit Subject(
      const Tune& tune = [](auto&) {}, const Layout& layout = {})
      : Parts(clicks_with<Page>({}, [](auto&, auto&) {}), tune, layout) {
    begin();
  }
  void begin() {
    environment.read_clock();
    slice.begin({7}, SliceDraft::Expected::work);
  }
  std::uint64_t end_with(int records) {
    for (int i = 0; i < records; ++i) slice.read_record();
    const Slice done = slice.end();
    begin();
    return done.number.value;
  }

  SliceDraft slice{environment};
};

}  // namespace

CAF_TEST(slices_are_numbered_without_gaps_and_from_one_after_a_rewind) {
  Subject s;
  CAF_CHECK_EQUAL(s.slice.number(), 1u);
  CAF_CHECK_EQUAL(s.end_with(1), 1u);
  s.begin();  // a step that finds nothing makes no slice
  CAF_CHECK_EQUAL(s.end_with(1), 2u);
  CAF_CHECK_EQUAL(s.slice.number(), 3u);
  s.slice.rewind();
  CAF_CHECK_EQUAL(s.end_with(1), 1u);
}

CAF_TEST(a_slice_is_full_when_it_has_handled_its_inputs_of_any_kind) {
  Subject s([](auto& o) { o.max_records_per_slice = 3; });
  s.slice.read_record();
  s.slice.handled();
  CAF_CHECK(!s.slice.is_full());
  s.slice.handled();
  CAF_CHECK(s.slice.is_full());
  s.end_with(0);
  CAF_CHECK(!s.slice.is_full());
}

CAF_TEST(a_slice_is_full_when_outputs_and_states_have_its_size) {
  Subject s([](auto&) {}, {.max_slice_bytes = 100});
  s.slice.outputs().bytes.assign(60, 'x');
  s.slice.staged_state(39);
  CAF_CHECK(!s.slice.is_full());
  s.slice.staged_state(61);
  CAF_CHECK(s.slice.is_full());
  s.end_with(0);
  CAF_CHECK(!s.slice.is_full());
}

CAF_TEST(a_slice_that_takes_long_is_full_after_its_first_input) {
  Subject s([](auto& o) { o.max_time_per_slice = Duration(100); });
  s.clock.advance(Duration(100));
  CAF_CHECK(!s.slice.is_full());  // a slow step makes progress too
  s.slice.handled();
  CAF_CHECK(s.slice.is_full());
  s.end_with(0);
  s.slice.handled();
  CAF_CHECK(!s.slice.is_full());
  s.clock.advance(Duration(99));
  CAF_CHECK(!s.slice.is_full());
  s.clock.advance(Duration(1));
  CAF_CHECK(s.slice.is_full());
}

CAF_TEST(after_a_slice_of_many_records_the_clock_is_read_every_few_inputs) {
  Subject s([](auto& o) { o.max_time_per_slice = Duration(100); });
  s.end_with(64);
  s.clock.advance(Duration(100));
  for (int i = 1; i < 4; ++i) {
    s.slice.handled();
    CAF_CHECK(!s.slice.is_full());
  }
  s.slice.handled();
  CAF_CHECK(s.slice.is_full());
  s.end_with(0);
  s.end_with(100'000);
  s.clock.advance(Duration(100));
  for (int i = 0; i < 64; ++i) s.slice.handled();
  CAF_CHECK(s.slice.is_full());
}

CAF_TEST(a_slice_holds_the_last_position_of_each_topic) {
  Subject s;
  s.slice.moved_to({1}, {5});
  s.slice.moved_to({2}, {3});
  s.slice.moved_to({1}, {9});
  CAF_CHECK(s.slice.has_position({1}));
  CAF_CHECK(!s.slice.has_position({0}));
  const Slice done = s.slice.end();
  CAF_REQUIRE_EQUAL(done.effects.positions.size(), 2u);
  CAF_CHECK(done.effects.positions[0].next == Offset{9});
  CAF_CHECK(done.effects.positions[1].next == Offset{3});
  s.begin();
  CAF_CHECK(!s.slice.has_position({1}));
}

CAF_TEST(a_slice_counts_the_records_that_were_read_and_the_batches_that_were_finished) {
  Subject s;
  CAF_CHECK(!s.slice.has_work());
  s.slice.finished_batch();
  CAF_CHECK(s.slice.has_work());
  s.slice.read_record();
  s.slice.handled();
  const Slice done = s.slice.end();
  CAF_CHECK_EQUAL(done.records, 1u);
  CAF_CHECK_EQUAL(done.finished_batches, 1u);
  s.begin();
  CAF_CHECK(!s.slice.has_work());
  s.slice.handled();
  CAF_CHECK(s.slice.has_work());
}

CAF_TEST(a_slice_begins_with_nothing_of_the_last_one) {
  Subject s;
  s.slice.outputs().bytes = "out";
  s.slice.immediate().bytes = "at once";
  s.slice.state().push_back({{0}, "ann", "x"});
  s.slice.has_deferred();
  const Slice first = s.slice.end();
  CAF_CHECK(first.has_deferred);
  CAF_CHECK_EQUAL(first.effects.outputs.bytes, "out");
  CAF_CHECK_EQUAL(first.immediate.bytes, "at once");
  CAF_CHECK(first.effects.size >= 3);
  CAF_CHECK(first.epoch == Epoch{7});
  s.begin();
  const Slice second = s.slice.end();
  CAF_CHECK(!second.has_deferred);
  CAF_CHECK(second.effects.outputs.bytes.empty() && second.immediate.bytes.empty());
  CAF_CHECK(second.effects.state.empty());
}

}  // namespace eventy
