// The partition's actor alone: its mail and its epochs.
#define CAF_SUITE actors_partition
#include "actors/partition/partition.hpp"

#include "node_fixture.hpp"

namespace eventy::actors {
namespace {

// Stands for its bridge, or for its supervisor.
class Neighbour final : public Mailbox {
 public:
  Neighbour() : Mailbox({}) {}
  void put(Letter letter, std::chrono::nanoseconds) override {
    if (const auto* m = message_if<msg::SliceFinished>(letter.mail)) slices.push_back(m->slice);
    if (message_if<msg::DeferredTurnsDone>(letter.mail)) ++deferred;
    if (const auto* m = message_if<msg::Down>(letter.mail)) down = m->reason;
  }
  std::vector<std::shared_ptr<const Slice>> slices = {};
  int deferred = 0;
  std::optional<EndReason> down = {};
};

struct Alone : NodeFixture {
  std::shared_ptr<Neighbour> neighbour = std::make_shared<Neighbour>();
  std::vector<std::shared_ptr<const Slice>>& slices = neighbour->slices;
  std::unique_ptr<StoreSession> session;
  std::shared_ptr<const Batch> batch;
  Ref<ToPartition> task;

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
    const TaskSetup task_setup{.task = {batch->partition},
                               .epoch = {2},
                               .routes = make_routes(setup.runtime, *session),
                               .state = state,
                               .bridge = Ref<ToBridge>(neighbour)};
    task = spawn<PartitionActor>(node, {Role::Kind::task, 0, task_setup.task}, RunsOn::scheduler, task_setup,
                                 Ref<ToSupervisor>(neighbour));
    run();
  }
  void tell(ToPartition::Mail mail) {
    std::visit([this](auto& message) { post({}, task, std::move(message)); }, mail);
    run();
  }
  void deliver(Epoch epoch) { tell(msg::Deliver{epoch, batch}); }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(alone, Alone)

CAF_TEST(a_batch_of_the_epoch_becomes_a_slice_of_it) {
  deliver({2});
  CAF_REQUIRE_EQUAL(slices.size(), 1u);
  CAF_CHECK(slices[0]->epoch == Epoch{2});
  CAF_CHECK(slices[0]->number == SliceNumber{1});
  CAF_CHECK_EQUAL(slices[0]->records, 5u);
}

CAF_TEST(mail_of_an_old_epoch_is_dropped) {
  deliver({1});
  CAF_CHECK(slices.empty());
  tell(msg::RewindTo{{3}});
  deliver({2});
  tell(msg::CommittedUpTo{{2}, {1}});
  CAF_CHECK(slices.empty());
  CAF_CHECK_EQUAL(neighbour->deferred, 0);
  deliver({3});
  CAF_CHECK_EQUAL(slices.size(), 1u);
}

CAF_TEST(a_rewind_undoes_what_was_not_committed) {
  deliver({2});
  tell(msg::RewindTo{{3}});
  deliver({3});
  CAF_REQUIRE_EQUAL(slices.size(), 2u);
  CAF_CHECK(slices[1]->epoch == Epoch{3});
  CAF_CHECK(slices[1]->number == SliceNumber{1});
  CAF_CHECK(slices[0]->effects.state.at(0).value == slices[1]->effects.state.at(0).value);
}

CAF_TEST(a_commit_is_answered) {
  deliver({2});
  tell(msg::CommittedUpTo{{2}, {1}});
  CAF_CHECK_EQUAL(neighbour->deferred, 1);
}

CAF_TEST(a_crash_keeps_its_text_and_its_code) {
  faults->loads_to_fail = 1;
  deliver({2});
  CAF_REQUIRE(neighbour->down);
  CAF_CHECK_EQUAL(neighbour->down->text, "the state of a key is damaged");
  CAF_CHECK(neighbour->down->code == ErrorCode::io);
}

CAF_TEST(a_question_that_nobody_answers_is_an_error_and_no_crash) {
  std::optional<Result<std::string>> answer;
  tell(msg::Query{"Unknown", "key-0", "", [&](Result<std::string> r) { answer = std::move(r); }});
  CAF_REQUIRE(answer);
  CAF_CHECK(!answer->ok() && !answer->error().message.empty());
  CAF_CHECK(!neighbour->down);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy::actors
