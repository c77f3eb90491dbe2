// The harness of Simulation itself: order of mail, time, hooks, and processes that are killed.
#define CAF_SUITE actors_harness
#include <caf/test/unit_test.hpp>

#include "actors/testing/simulated_node.hpp"

namespace eventy::actors {
namespace {

using namespace std::chrono_literals;
using testing::SimulatedNode;
using testing::World;

static_assert(Takes<ToPartition, msg::Deliver> && Takes<ToSource, msg::StopPolling>);
static_assert(!Takes<ToSource, msg::Deliver> && !Takes<ToRoot, msg::StartTask> &&
              !Takes<ToBridge, msg::Stop>);

// What the actors of a test do: each says what it is told, and does what the test wants then.
struct Notes {
  std::vector<std::uint64_t> heard = {};  // epochs, as numbers
  int alive = 0, handled = 0;
  std::function<void(Self<ToPartition>&)> then = [](auto&) {};
};
struct Recorder {
  using Receiver = ToPartition;
  using Setup = std::shared_ptr<Notes>;
  static inline const char* name = "recorder";

  ~Recorder() {
    if (notes) --notes->alive;
  }
  void begin(std::shared_ptr<Notes> setup) {
    notes = std::move(setup);
    ++notes->alive;
  }
  void handle(const msg::RewindTo& m) {
    notes->heard.push_back(m.epoch.value);
    ++notes->handled;
    const auto then = notes->then;  // which may set another one
    then(self_);
  }
  void handle(const msg::Continue&) {  // for ever, as a timer of its own
    ++notes->handled;
    self_.post(self_.ref, msg::Continue{}, 10ms);
  }
  template <class Other>
  void handle(const Other&) {}

  Self<ToPartition> self_ = {};
  std::shared_ptr<Notes> notes = {};
};

struct Harness {
  testing::Trace trace;
  testing::Random chance;
  World world;
  std::unique_ptr<SimulatedNode> node = std::make_unique<SimulatedNode>(world, "node");
  std::shared_ptr<Notes> notes = std::make_shared<Notes>();

  explicit Harness(std::uint64_t seed = 1, World::Order order = World::Order::by_chance)
      : chance(seed), world(chance, trace, order) {}
  Ref<ToPartition> recorder() {
    return spawn<Recorder>(*node, {Role::Kind::task, 0, {}}, RunsOn::scheduler, notes, Ref<ToRoot>());
  }
  static void tell(ActorId from, const Ref<ToPartition>& to, std::uint64_t number,
                   std::chrono::nanoseconds wait = {}) {
    post(from, to, msg::RewindTo{{number}}, wait);
  }
};

}  // namespace

CAF_TEST(mail_of_one_sender_keeps_its_order_and_that_of_two_comes_in_any) {
  std::set<bool> second_first;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Harness h(seed);
    const auto to = h.recorder();
    for (const std::uint64_t n : {1, 2, 3}) h.tell({100}, to, n);
    for (const std::uint64_t n : {11, 12, 13}) h.tell({101}, to, n);
    h.world.run_ready();
    CAF_REQUIRE_EQUAL(h.notes->heard.size(), 6u);
    const auto place = [&](std::uint64_t n) {
      return std::find(h.notes->heard.begin(), h.notes->heard.end(), n) - h.notes->heard.begin();
    };
    CAF_CHECK(place(1) < place(2) && place(2) < place(3));
    CAF_CHECK(place(11) < place(12) && place(12) < place(13));
    second_first.insert(place(11) < place(1));
  }
  CAF_CHECK_EQUAL(second_first.size(), 2u);
}

CAF_TEST(delayed_mail_comes_when_its_time_is_over) {
  Harness h;
  const auto to = h.recorder();
  h.tell({}, to, 1, 1'500us);
  h.world.run_ready();
  CAF_CHECK(h.notes->heard.empty());
  h.world.advance(1'499us);
  h.world.run_ready();
  CAF_CHECK(h.notes->heard.empty());
  h.world.advance(1us);
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.notes->heard.size(), 1u);
}

CAF_TEST(what_an_actor_sends_is_on_its_way_when_its_time_is_spent) {
  Harness h;
  const auto to = h.recorder();
  h.notes->then = [&](Self<ToPartition>& self) {
    h.notes->then = [](auto&) {};
    self.post(self.ref, msg::RewindTo{{2}});
    h.world.spend(5s);
    CAF_CHECK(self.now() == h.world.now() + 5s);
  };
  h.tell({}, to, 1);
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.notes->heard, std::vector<std::uint64_t>{1});
  h.tell({}, to, 3);  // it is busy
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.notes->heard, std::vector<std::uint64_t>{1});
  h.world.advance(5s);
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.notes->heard.size(), 3u);
}

CAF_TEST(a_hook_holds_and_changes_and_drops_mail) {
  Harness h(1, World::Order::as_sent);
  std::optional<Letter> held;
  h.world.set_hook([&](ActorId, Letter& letter) {
    auto* m = message_if<msg::RewindTo>(letter.mail);
    if (m->epoch.value == 1) return held = letter, false;
    if (m->epoch.value == 2) m->epoch.value = 20;
    return m->epoch.value != 3;
  });
  const auto to = h.recorder();
  for (const std::uint64_t n : {1, 2, 3, 4}) h.tell({100}, to, n);
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.notes->heard, (std::vector<std::uint64_t>{20, 4}));
  h.world.set_hook({});
  h.world.put(to.id(), *held, {});
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.notes->heard, (std::vector<std::uint64_t>{20, 4, 1}));
}

CAF_TEST(a_frozen_node_does_nothing_until_its_time_is_over) {
  Harness h;
  const auto to = h.recorder();
  h.world.freeze(*h.node, h.world.now() + 3s);
  h.tell({}, to, 1);
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.notes->alive, 0);
  CAF_CHECK(h.world.next_due() == h.world.now() + 3s);
  h.world.run();
  CAF_CHECK_EQUAL(h.notes->heard.size(), 1u);
}

CAF_TEST(each_clock_of_a_node_moves_alone) {
  Harness h;
  const auto now = h.node->clock().now();
  const auto date = h.node->clock().wall();
  h.node->set_wall(-2h);
  CAF_CHECK(h.node->clock().now() == now && h.node->clock().wall() == date - 2h);
  h.world.advance(700us);
  CAF_CHECK(h.node->clock().now() == now + 700us && h.node->clock().wall() == date - 2h + 700us);
}

CAF_TEST(a_killed_process_runs_no_further_handler_and_leaves_nothing_behind) {
  Harness h;
  std::vector<Ref<ToPartition>> all;
  for (int i = 0; i < 5; ++i) all.push_back(h.recorder());
  for (const auto& to : all) post({}, to, msg::Continue{});
  h.world.run_until([&] { return h.notes->handled > 20; });
  all.push_back(h.recorder());                   // has not begun
  for (const auto& to : all) h.tell({}, to, 1);  // mail is waiting, and timers are set
  CAF_CHECK_EQUAL(h.notes->alive, 5);
  const int handled = h.notes->handled;
  h.node->kill();
  CAF_CHECK_EQUAL(h.notes->alive, 0);
  CAF_CHECK(h.node->has_ended());
  for (const auto& to : all) h.tell({}, to, 2);  // from another process: lost
  h.world.advance(1min);
  h.world.run();
  CAF_CHECK_EQUAL(h.notes->handled, handled);
  CAF_CHECK(h.trace.fired().empty());
}

CAF_TEST(a_process_that_dies_within_a_handler_sends_nothing_more) {
  Harness h;
  const auto one = h.recorder();
  const auto other_notes = std::make_shared<Notes>();
  SimulatedNode other(h.world, "other");
  const auto two =
      spawn<Recorder>(other, {Role::Kind::task, 0, {}}, RunsOn::scheduler, other_notes, Ref<ToRoot>());
  h.notes->then = [&](Self<ToPartition>& self) {
    self.post(two, msg::RewindTo{{2}});  // held until it is done, and so lost
    h.node->doom();
    throw 42;
  };
  h.tell({}, one, 1);
  h.world.run_ready();
  h.node->kill();
  h.world.run();
  CAF_CHECK_EQUAL(h.notes->handled, 1);
  CAF_CHECK(other_notes->heard.empty());
  CAF_CHECK(h.trace.fired().empty());
}

CAF_TEST(mail_that_a_dead_process_still_sends_is_told_of) {
  Harness h;
  const auto to = h.recorder();
  h.notes->then = [&](Self<ToPartition>& self) {
    h.node->doom();
    self.post(self.ref, msg::RewindTo{{2}});
  };
  h.tell({}, to, 1);
  h.world.run_ready();
  CAF_CHECK_EQUAL(h.trace.fired().count("a defect: mail from a process that has died"), 1u);
}

}  // namespace eventy::actors
