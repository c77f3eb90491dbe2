// Which children a supervisor restarts together, by its strategy, and when it escalates.
#define CAF_SUITE engine_supervision
#include "eventy/engine/supervision.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>

namespace eventy {
namespace {

using Child = Supervision::Child;
using Children = std::vector<Child>;
using Verdict = RestartPolicy::Verdict;

const Child bridge = Supervision::bridge;
const Child file = Supervision::child(TaskId{{3}, 0}), socket = Supervision::child(TaskId{{1}, 1});
const Child zero = Supervision::child(TaskId{{0}}), one = Supervision::child(TaskId{{1}});
const Children all_of_service{bridge, file, socket, zero, one};

struct Supervised {
  RestartOptions restarts{.intensity = 3, .period = Duration(1000), .first_backoff = Duration(10)};
  MonotonicTime now = MonotonicTime(Duration(1'800'000'000'000));
  Supervision with(Strategy strategy) const {
    return Supervision({strategy, restarts}, Supervision::FirstChild::owns_all);
  }
  // What is restarted together with the child when it fails.
  Children taken_by(Child failed, Strategy strategy, Children children = all_of_service) const {
    std::erase(children, failed);
    return with(strategy).failed(failed, now, {}, children).with_it;
  }
};

bool same(const Children& a, const Children& b) { return a == b; }

}  // namespace

CAF_TEST_FIXTURE_SCOPE(supervised, Supervised)

CAF_TEST(one_for_one_takes_no_other_child_along) {
  for (const Child child : {file, socket, zero, one})
    CAF_CHECK(taken_by(child, Strategy::one_for_one).empty());
}

CAF_TEST(one_for_all_takes_all_others_and_the_last_one_first) {
  CAF_CHECK(same(taken_by(zero, Strategy::one_for_all), {one, socket, file, bridge}));
  CAF_CHECK(same(taken_by(socket, Strategy::one_for_all), {one, zero, file, bridge}));
}

CAF_TEST(rest_for_one_takes_what_depends_on_the_child) {
  CAF_CHECK(same(taken_by(file, Strategy::rest_for_one), {one, zero}));
  CAF_CHECK(taken_by(zero, Strategy::rest_for_one).empty());
}

CAF_TEST(a_failed_bridge_takes_its_tasks_under_every_strategy) {
  for (const auto strategy : {Strategy::one_for_one, Strategy::one_for_all, Strategy::rest_for_one})
    CAF_CHECK(same(taken_by(bridge, strategy), {one, zero, socket, file}));
}

CAF_TEST(the_first_of_the_services_of_a_node_is_one_of_them) {
  const auto taken = [&](std::size_t failed, Strategy strategy) {
    Supervision node({strategy, restarts}, Supervision::FirstChild::is_peer);
    Children others;
    for (std::size_t i = 0; i < 3; ++i)
      if (i != failed) others.push_back(Supervision::service(i));
    return node.failed(Supervision::service(failed), now, {}, others).with_it.size();
  };
  CAF_CHECK_EQUAL(taken(0, Strategy::one_for_one), 0u);
  CAF_CHECK_EQUAL(taken(1, Strategy::rest_for_one), 1u);
  CAF_CHECK_EQUAL(taken(0, Strategy::rest_for_one), 2u);
  CAF_CHECK_EQUAL(taken(2, Strategy::one_for_all), 2u);
}

CAF_TEST(only_running_children_are_taken_along) {
  CAF_CHECK(same(taken_by(file, Strategy::one_for_all, {bridge, one}), {one, bridge}));
}

CAF_TEST(intensity_is_of_all_children_together) {
  auto supervision = with(Strategy::one_for_one);
  for (const Child child : {file, zero, one})
    CAF_CHECK(supervision.failed(child, now, {}, {}).verdict == Verdict::restart);
  const auto last = supervision.failed(socket, now, {}, {});
  CAF_CHECK(last.verdict == Verdict::too_many);
  CAF_CHECK(last.with_it.empty());
}

CAF_TEST(backoff_is_of_each_child) {
  auto supervision = with(Strategy::one_for_one);
  CAF_CHECK_EQUAL(supervision.failed(zero, now, {}, {}).wait.count(), 10);
  CAF_CHECK_EQUAL(supervision.failed(zero, now + Duration(10), {}, {}).wait.count(), 20);
  CAF_CHECK_EQUAL(supervision.failed(one, now + Duration(20), {}, {}).wait.count(), 10);
}

CAF_TEST(what_no_restart_can_heal_escalates_at_once) {
  CAF_CHECK(with(Strategy::one_for_all).failed(zero, now, ErrorCode::corrupt, all_of_service).verdict ==
            Verdict::is_permanent);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
