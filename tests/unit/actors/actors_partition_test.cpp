// The partition's actor alone: its mail and its epochs.
#define CAF_SUITE actors_partition
#include "actors/partition/partition.hpp"

#include "actors/failure.hpp"
#include "world.hpp"

namespace eventy::actors {
namespace {

struct Alone : World {
  std::vector<std::shared_ptr<const Slice>> slices = {};
  int deferred = 0;
  caf::error down = {};
  std::unique_ptr<StoreSession> session;
  std::shared_ptr<const Batch> batch;
  caf::actor bridge, lane;

  Alone() {
    prepare(counter::service());
    click(5, 1);
    session = setup.open_session().value();
    std::shared_ptr<const StateReader> state;
    for (int i = 0; i < 10 && !batch; ++i)
      for (auto& event : session->poll({}).value()) {
        if (auto* records = std::get_if<Records>(&event)) batch = records->batch;
        if (auto* restored = std::get_if<Restored>(&event))
          if (restored->partition == partition_of("key-0", partitions)) state = restored->state;
      }
    CAF_REQUIRE(batch && state);
    bridge = sys.spawn([this](caf::event_based_actor* self) -> caf::behavior {
      self->set_down_handler([this](const caf::down_msg& m) { down = m.reason; });
      return {[this](const msg::Finished& m) { slices.push_back(m.slice); },
              [this](const msg::DeferredDone&) { ++deferred; },
              [self](const caf::actor& child) { self->monitor(child); }};
    });
    lane = sys.spawn(partition, LaneSetup{.lane = {batch->partition},
                                          .epoch = {2},
                                          .routes = make_routes(setup.runtime, *session),
                                          .state = state,
                                          .clock = &clock,
                                          .bridge = bridge});
    caf::anon_send(bridge, lane);
    run();
  }
  ~Alone() {
    caf::anon_send_exit(lane, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(bridge, caf::exit_reason::user_shutdown);
    lane = bridge = {};
    sched.run();
  }
  void deliver(Epoch epoch) {
    caf::anon_send(lane, msg::Deliver{epoch, batch});
    run();
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(alone, Alone)

CAF_TEST(a batch of the epoch becomes a slice of it) {
  deliver({2});
  CAF_REQUIRE_EQUAL(slices.size(), 1u);
  CAF_CHECK(slices[0]->epoch == Epoch{2});
  CAF_CHECK(slices[0]->number == SliceNumber{1});
  CAF_CHECK_EQUAL(slices[0]->records, 5u);
}

CAF_TEST(mail of an old epoch is dropped) {
  deliver({1});
  CAF_CHECK(slices.empty());
  caf::anon_send(lane, msg::RewindTo{{3}});
  deliver({2});
  caf::anon_send(lane, msg::CommittedUpTo{{2}, {1}});
  run();
  CAF_CHECK(slices.empty());
  CAF_CHECK_EQUAL(deferred, 0);
  deliver({3});
  CAF_CHECK_EQUAL(slices.size(), 1u);
}

CAF_TEST(a rewind undoes what was not committed) {
  deliver({2});
  caf::anon_send(lane, msg::RewindTo{{3}});
  deliver({3});
  CAF_REQUIRE_EQUAL(slices.size(), 2u);
  CAF_CHECK(slices[1]->epoch == Epoch{3});
  CAF_CHECK(slices[1]->number == SliceNumber{1});
  CAF_CHECK(slices[0]->effects.state.at(0).value == slices[1]->effects.state.at(0).value);
}

CAF_TEST(a commit is answered) {
  deliver({2});
  caf::anon_send(lane, msg::CommittedUpTo{{2}, {1}});
  run();
  CAF_CHECK_EQUAL(deferred, 1);
}

CAF_TEST(a crash keeps its text and its code) {
  faults->loads_to_fail = 1;
  deliver({2});
  CAF_CHECK_EQUAL(text_of(down), "the state of a key is damaged");
  CAF_CHECK(code_of(down) == ErrorCode::io);
}

CAF_TEST(a question that nobody answers is an error and no crash) {
  auto asked = self->request(lane, caf::infinite, msg::Query{"Unknown", "key-0", ""});
  run();
  asked.receive([](const std::string&) { CAF_FAIL("answered"); },
                [](const caf::error& e) { CAF_CHECK(!text_of(e).empty()); });
  CAF_CHECK(!down);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy::actors
