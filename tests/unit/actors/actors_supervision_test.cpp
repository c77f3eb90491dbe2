// Strategies of a service's supervisor and of the node's root, and what they count, in virtual time.
#define CAF_SUITE actors_supervision
#include "node_fixture.hpp"

namespace eventy::actors {
namespace {

using counter::Clicked;

// Counts clicks, and brings in some of its own; its source fails at the second poll as often as told.
struct Line {
  std::int64_t at = 0;
  EVENTY_FIELDS(at);
};
struct Read {
  std::int64_t number = 0;
  EVENTY_FIELDS(number);
  using record = Event<"urn:reader", "Read", "1.0.0">;
};
struct Sum {
  std::int64_t numbers = 0;
  EVENTY_FIELDS(numbers);
};
struct Summed {
  std::string key;
  std::int64_t numbers = 0;
  EVENTY_FIELDS(key, numbers);
  using record = Event<"urn:reader", "Summed", "1.0.0">;
};
Service reader(std::shared_ptr<int> failures) {
  return service<Sum>("reader")
      .on(exactly_once,
          [](Turn<Sum>& turn, const Read&) {
            turn.emit(Summed{std::string(turn.key()), ++turn.edit().numbers});
          })
      .source<Line>("file", [failures](Poll<Line>& poll) {
        const auto at = poll.position().at;
        if (at == 20) return poll.poll_again_after(std::chrono::hours(1));
        for (auto n = at; n < at + 10; ++n) poll.emit(Read{n}, "key-" + std::to_string(n % 5));
        if (at == 10 && (*failures)-- > 0) throw std::runtime_error("it is not there yet");
        poll.advance({at + 10});
      });
}

struct Supervised : NodeFixture {
  Supervised() { prepare(counter::service()); }
  ServiceCounts counts(std::size_t service = 0) const { return board->counts().at(service); }
};

struct Reading : NodeFixture {
  std::shared_ptr<int> failures = std::make_shared<int>(0);
  Reading() { prepare(reader(failures)); }
  std::map<std::string, std::vector<std::int64_t>> sums() {
    std::map<std::string, std::vector<std::int64_t>> out;
    for (const auto& data : data_in("reader-events"))
      if (data.size() == 2)
        out[std::get<std::string>(data.at(0).second.is)].push_back(
            std::get<std::int64_t>(data.at(1).second.is));
    return out;
  }
  bool summed_exactly() {
    const auto all = sums();
    return all.size() == 5 && std::all_of(all.begin(), all.end(), [](const auto& entry) {
             return entry.second == std::vector<std::int64_t>{1, 2, 3, 4};
           });
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(supervised, Supervised)

CAF_TEST(one_for_one_starts_the_crashed_partition_alone_and_counts_it) {
  faults->loads_to_fail = 2;
  click(30, 5);
  start();
  run();
  CAF_CHECK(counted_exactly(5, 6));
  const ServiceCounts all = counts();
  CAF_CHECK_EQUAL(all.partition_restarts, 2u);
  CAF_CHECK_EQUAL(all.bridge_restarts, 0u);
  CAF_CHECK_EQUAL(all.failures.at("io"), 2u);
  CAF_CHECK_EQUAL(faults->sessions, 1);
}

CAF_TEST(one_for_all_begins_a_new_session_for_a_crashed_partition) {
  setup.supervision.strategy = Strategy::one_for_all;
  faults->loads_to_fail = 2;
  click(30, 5);
  start();
  run();
  CAF_CHECK(counted_exactly(5, 6));
  CAF_CHECK_EQUAL(faults->sessions, 1 + static_cast<int>(counts().partition_restarts));
  CAF_CHECK(counts().partition_restarts > 0);
  CAF_CHECK_EQUAL(counts().bridge_restarts, 0u);
}

CAF_TEST(a_failed_bridge_is_counted) {
  click(30, 5);
  start();
  run();
  store.fail_poll("counter", {ErrorCode::timed_out, "no answer"});
  run();
  const ServiceCounts all = counts();
  CAF_CHECK_EQUAL(all.bridge_restarts, 1u);
  CAF_CHECK_EQUAL(all.failures.at("timed_out"), 1u);
}

CAF_TEST(what_tasks_count_goes_on_where_their_predecessors_ended) {
  click(30, 5);
  start();
  run();
  const ServiceCounts before = counts();
  CAF_CHECK_EQUAL(before.of_partitions.records, 30u);
  CAF_CHECK_EQUAL(before.of_bridge.records, 30u);
  CAF_CHECK_EQUAL(before.by_partition.size(), partitions);
  store.fail_poll("counter", {ErrorCode::timed_out, "no answer"});
  click(30, 5);
  run();
  const ServiceCounts all = counts();
  CAF_CHECK_EQUAL(all.bridge_restarts, 1u);
  CAF_CHECK_EQUAL(all.of_partitions.records, 60u);
  CAF_CHECK_EQUAL(all.of_bridge.records, 60u);
  CAF_CHECK(all.of_bridge.cycles > before.of_bridge.cycles);
}

CAF_TEST(a_service_that_gives_up_is_started_again_where_the_node_may) {
  supervision.restarts.intensity = 1;
  faults->loads_to_fail = 5;
  click(30, 1);
  start();
  run();
  CAF_CHECK(state() == NodeState::running);
  CAF_CHECK(counted_exactly(1, 30));
  CAF_CHECK_EQUAL(counts().escalations, 1u);
  CAF_CHECK_EQUAL(counts().service_restarts, 1u);
  CAF_CHECK_EQUAL(faults->sessions, 2);
}

CAF_TEST(a_service_waits_for_its_backoff_before_it_is_started_again) {
  supervision.restarts = {.intensity = 1, .first_backoff = std::chrono::hours(1)};
  faults->loads_to_fail = 5;
  click(30, 1);
  start();
  run_until([&] { return counts().escalations == 1; });
  run_ready();
  advance_time(std::chrono::minutes(59));
  run_ready();
  CAF_CHECK_EQUAL(counts().service_restarts, 0u);
  advance_time(std::chrono::minutes(2));
  run();
  CAF_CHECK(counted_exactly(1, 30));
}

CAF_TEST(a_node_whose_services_give_up_too_often_ends_with_the_reason) {
  supervision.restarts.intensity = 2;
  faults->loads_to_fail = 1000;
  click(30, 1);
  start();
  run();
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK(board->failure().find("giving up: the state of a key is damaged") != std::string::npos);
  CAF_CHECK(board->failure().ends_with("(again after 2 restarts of services within 60000 ms)"));
  CAF_CHECK_EQUAL(counts().service_restarts, 2u);
  CAF_CHECK_EQUAL(counts().escalations, 3u);
  CAF_CHECK(counted().empty());
}

CAF_TEST(what_no_restart_can_heal_ends_the_node_at_once_although_it_may_restart_services) {
  supervision.restarts.intensity = 10;
  faults->code = ErrorCode::corrupt;
  faults->loads_to_fail = 1000;
  click(30, 1);
  start();
  run_ready();
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK_EQUAL(counts().service_restarts, 0u);
}

CAF_TEST(a_duplicate_ends_the_node_at_once_although_it_may_restart_services) {
  supervision.restarts.intensity = 10;
  start();
  run();
  for (int i = 0; i < 2; ++i) {
    store.fail_poll("counter", {ErrorCode::fenced, "another session took over"});
    run();
  }
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK_EQUAL(counts().service_restarts, 0u);
  CAF_CHECK_EQUAL(faults->sessions, 2);
}

CAF_TEST(a_node_drains_a_service_that_is_being_started_again) {
  supervision.restarts.intensity = 1;
  faults->loads_to_fail = 4;
  click(30, 1);
  start();
  run_until([&] { return counts().escalations == 1; });
  tell_node(msg::Drain{});
  run();
  CAF_CHECK(state() == NodeState::drained);
}

CAF_TEST(idle_waits_for_a_service_that_is_being_started_again) {
  supervision.restarts.intensity = 1;
  idle_check = Duration(20);
  faults->loads_to_fail = 4;
  click(30, 1);
  start();
  run_until([&] { return state() == NodeState::idle; });
  CAF_CHECK(counted_exactly(1, 30));
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

// Two services: a counter, and lines that are only read.
struct Two : Supervised {
  int sessions_of_reader = 0;
  std::shared_ptr<int> failures = std::make_shared<int>(0);
  Two() {
    supervision.restarts.intensity = 1;
    setup.open_session = [this, runtime = setup.runtime]() -> Result<std::unique_ptr<StoreSession>> {
      return std::unique_ptr<StoreSession>(std::make_unique<FaultySession>(
          store.open_session(runtime->session_options("node")).value(), faults));
    };
    ServiceSetup other = setup;
    other.runtime = runtime_of(reader(failures));
    store.ensure_topics(other.runtime->topic_specs(partitions)).value();
    other.open_session = [this, runtime = other.runtime] {
      ++sessions_of_reader;
      return store.open_session(runtime->session_options("node"));
    };
    further.push_back(other);
    faults->loads_to_fail = 4;  // of the counter, which gives up
    click(30, 1);
  }
  bool all_is_counted() { return counted_exactly(1, 30) && data_in("reader-events").size() == 40; }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(two, Two)

CAF_TEST(one_for_one_leaves_the_other_services_alone) {
  start();
  run_until([&] { return all_is_counted(); });
  CAF_CHECK_EQUAL(sessions_of_reader, 1);
}

CAF_TEST(one_for_all_starts_all_services_again) {
  supervision.strategy = Strategy::one_for_all;
  start();
  run_until([&] { return all_is_counted(); });
  CAF_CHECK_EQUAL(sessions_of_reader, 2);
  CAF_CHECK_EQUAL(counts(0).service_restarts, 1u);
  CAF_CHECK_EQUAL(counts(1).service_restarts, 1u);
  CAF_CHECK_EQUAL(counts(1).escalations, 0u);
}

CAF_TEST(rest_for_one_starts_the_services_after_the_one_that_gave_up) {
  supervision.strategy = Strategy::rest_for_one;
  start();
  run_until([&] { return all_is_counted(); });
  CAF_CHECK_EQUAL(sessions_of_reader, 2);
}

CAF_TEST(rest_for_one_leaves_the_services_before_the_one_that_gave_up_alone) {
  supervision.strategy = Strategy::rest_for_one;
  std::swap(setup, further.at(0));
  start();
  run_until([&] { return all_is_counted(); });
  CAF_CHECK_EQUAL(sessions_of_reader, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST_FIXTURE_SCOPE(reading, Reading)

CAF_TEST(rest_for_one_starts_the_partitions_again_with_a_crashed_source) {
  setup.supervision.strategy = Strategy::rest_for_one;
  *failures = 2;
  start();
  run_until([&] { return summed_exactly(); });
  const auto counts = board->counts().at(0);
  CAF_CHECK_EQUAL(counts.source_restarts, 2u);
  CAF_CHECK_EQUAL(counts.partition_restarts, 2u * partitions);
  CAF_CHECK_EQUAL(counts.bridge_restarts, 0u);
  CAF_CHECK_EQUAL(faults->sessions, 1);
}

CAF_TEST(what_is_restarted_with_a_crashed_source_ends_before_the_backoff) {
  setup.supervision.strategy = Strategy::rest_for_one;
  setup.supervision.restarts.first_backoff = setup.supervision.restarts.max_backoff = std::chrono::hours(2);
  *failures = 1;
  start();
  std::size_t before = 0;
  run_until([&] {
    if (board->counts().at(0).source_restarts == 0) before = node.actors();
    return board->counts().at(0).source_restarts == 1;
  });
  run_ready();
  CAF_CHECK_EQUAL(node.actors() + partitions, before);
  run_until([&] { return summed_exactly(); });
  CAF_CHECK_EQUAL(node.actors(), before + 1);
}

CAF_TEST(one_for_one_starts_a_crashed_source_alone) {
  *failures = 2;
  start();
  run_until([&] { return summed_exactly(); });
  const auto counts = board->counts().at(0);
  CAF_CHECK_EQUAL(counts.source_restarts, 2u);
  CAF_CHECK_EQUAL(counts.partition_restarts, 0u);
  CAF_CHECK_EQUAL(counts.of_sources.records, 20u);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy::actors
