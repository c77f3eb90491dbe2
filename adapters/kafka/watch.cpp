#include "watch.hpp"

#include "group.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::seconds topics_interval{30};

}  // namespace

Watch::Watch(const Scope& scope, Findings findings)
    : scope_(scope), findings_(std::move(findings)), topics_due_(Clock::now() + topics_interval) {}

// By then the members that had to give partitions up have done so and joined again.
void Watch::assigned() { group_due_ = Clock::now() + scope_.client->options().session_timeout / 2; }

void Watch::look_if_due(Worker& worker) {
  if (looking_) return;
  const auto now = Clock::now();
  if (now >= group_due_) {
    looking_ = true;
    group_due_ = Clock::time_point::max();
    look_at_group(worker);
  } else if (now >= topics_due_) {
    looking_ = true;
    topics_due_ = now + topics_interval;
    look_at_topics(worker);
  }
}

// A topic that was deleted, or whose partitions were increased, is no longer the one that was opened: keys
// would be elsewhere.
void Watch::look_at_topics(Worker& worker) {
  worker.begin([this] {
    std::vector<TopicSpec> specs;
    for (std::size_t t = 0; t < scope_.options.topics.size(); ++t)
      specs.push_back({scope_.options.topics[t], scope_.shape.counts[t]});
    auto there = scope_.client->still_there(specs);
    findings_.post([this, there] {
      looking_ = false;
      const bool changed = !there && (there.error().code == ErrorCode::not_found ||
                                      there.error().code == ErrorCode::invalid_argument);
      if (changed) findings_.topics_changed(there.error());  // else the cluster cannot be asked just now
    });
  });
}

// A static member that died after it was told to give partitions up, and is back before its session ends, is
// handed its new share without a rebalance: what its predecessor should have given up has no owner then, in
// a group that is stable. One member is enough to mend it.
void Watch::look_at_group(Worker& worker) {
  worker.begin([this] {
    auto now = membership_of(*scope_.client, scope_.group());
    findings_.post([this, now] {
      looking_ = false;
      if (group_due_ != Clock::time_point::max()) return;  // another generation has come since
      const std::size_t all = scope_.shape.counts[scope_.lead().value];
      const bool known = now && now->stable;
      if (known && now->assigned >= all) return;
      assigned();  // look again
      const bool first_by_name = known && !now->members.empty() && *now->members.begin() == scope_.member();
      if (first_by_name) findings_.without_owner(all - now->assigned);
    });
  });
}

}  // namespace eventy::kafka::detail
