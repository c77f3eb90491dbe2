#include "monitor.hpp"

#include "group.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::seconds suspects_interval{1};

Result<void> find_offsets(const SessionIdentity& identity, std::vector<InputCheck>& checks) {
  std::vector<TopicPartition> places;
  for (const auto& check : checks) places.push_back(identity.in_kafka(check.place));
  for (const auto edge : {Client::OffsetSpec::earliest, Client::OffsetSpec::latest}) {
    auto found = identity.client->list_offsets(places, edge, Isolation::read_uncommitted);
    if (!found) return found.error();
    for (std::size_t i = 0; i < checks.size(); ++i)
      (edge == Client::OffsetSpec::earliest ? checks[i].offsets.first : checks[i].offsets.end) = (*found)[i];
  }
  return {};
}

}  // namespace

Monitor::Monitor(const SessionIdentity& identity, const Inputs& inputs, Findings findings)
    : identity_(identity),
      inputs_(inputs),
      findings_(std::move(findings)),
      topics_due_(Clock::now() + identity.client->options().topic_check_interval) {}

// By then the members that have to give partitions up have done so and joined again.
void Monitor::assigned() { group_due_ = Clock::now() + identity_.client->options().session_timeout / 2; }

void Monitor::check_if_due(JobThread& worker) {
  if (checking_) return;
  const auto now = Clock::now();
  if (now >= group_due_) {
    checking_ = true;
    group_due_ = Clock::time_point::max();
    check_group(worker);
  } else if (now >= topics_due_ || (now >= suspects_due_ && inputs_.has_suspects())) {
    checking_ = true;
    topics_due_ = now + identity_.client->options().topic_check_interval;
    suspects_due_ = now + suspects_interval;
    check_topics(worker);
  }
}

// A topic that was deleted, or has more partitions now, is not the one that was opened: keys would lie in
// other partitions. A topic that ends before what was read of it is another one too.
void Monitor::check_topics(JobThread& worker) {
  worker.enqueue([this, checks = inputs_.to_check()]() mutable {
    std::vector<TopicSpec> specs;
    for (std::size_t t = 0; t < identity_.options.topics.size(); ++t)
      specs.push_back({identity_.options.topics[t], identity_.shape.counts[t]});
    auto there = identity_.client->still_there(specs);
    if (there) there = find_offsets(identity_, checks);
    findings_.post([this, there, checks = std::move(checks)] {
      checking_ = false;
      if (there) return findings_.inputs_checked(checks);
      const bool changed =
          there.error().code == ErrorCode::not_found || there.error().code == ErrorCode::invalid_argument;
      if (changed) findings_.topics_changed(there.error());  // else the cluster does not answer now
    });
  });
}

// A static member may die after it was told to give partitions up, and be back before its session ends. The
// group hands it its new share without a rebalance, and what it should have given up has no owner, though the
// group is stable. One member is enough to mend it: the first by name.
void Monitor::check_group(JobThread& worker) {
  worker.enqueue([this] {
    auto now = membership_of(*identity_.client, identity_.group());
    findings_.post([this, now] { take_membership(now); });
  });
}

void Monitor::take_membership(const Result<Membership>& now) {
  checking_ = false;
  if (group_due_ != Clock::time_point::max()) return;  // there is a newer generation
  const std::size_t all = identity_.shape.counts[identity_.lead().value];
  const bool known = now && now->stable;
  if (now) report_foreign_members(*now);
  group_due_ = Clock::now() + identity_.client->options().topic_check_interval;
  if (known && now->assigned >= all) return;
  assigned();  // check again
  const bool first_by_name = known && !now->members.empty() && *now->members.begin() == identity_.member();
  if (first_by_name) findings_.without_owner(all - now->assigned);
}

// Once for each set of members. Nodes work on with the partitions that are left to them, and take the others
// when the foreign members are gone.
void Monitor::report_foreign_members(const Membership& now) {
  if (foreign_reported_ == now.foreign) return;
  foreign_reported_ = now.foreign;
  if (!now.foreign.empty()) identity_.client->log_error(foreign_members(identity_.group(), now).message);
}

}  // namespace eventy::kafka::detail
