#include "bugs.hpp"

namespace eventy::simulation {

namespace {

using actors::ActorId;
using actors::Letter;
using actors::message_if;
using testing::SimulationHooks;
namespace msg = actors::msg;
using Send = SimulationHooks::Send;

Bug bug_of_mail(std::string name, std::function<bool(ActorId, Letter&, const Send&)> deliver) {
  return {std::move(name), [deliver = std::move(deliver)] {
            SimulationHooks hooks;
            hooks.deliver = deliver;
            return hooks;
          }};
}

template <class Lost>
bool pass_all_but(ActorId, Letter& letter, const Send&) {
  return !message_if<Lost>(letter.mail);
}

// Slices that a task sent before it went back count as if it had sent them afterwards.
class OldSlices {
 public:
  bool deliver(ActorId to, Letter& letter) {
    if (const auto* rewind = message_if<msg::RewindTo>(letter.mail)) tasks_[to] = {rewind->epoch, 0};
    auto* finished = message_if<msg::SliceFinished>(letter.mail);
    const auto task = tasks_.find(letter.from);
    if (!finished || task == tasks_.end()) return true;
    auto& [epoch, taken] = task->second;
    Slice slice = *finished->slice;
    if (slice.epoch < epoch) {
      slice.epoch = epoch, slice.number = {++taken};
    } else {
      slice.number.value += taken;
    }
    finished->slice = std::make_shared<const Slice>(std::move(slice));
    return true;
  }

 private:
  std::map<ActorId, std::pair<Epoch, std::uint64_t>> tasks_;  // since its last rewind
};

Bug takes_old_slices() {
  return {"slices of an old epoch are taken", [] {
            SimulationHooks hooks;
            hooks.deliver = [state = std::make_shared<OldSlices>()](ActorId to, Letter& letter, const Send&) {
              return state->deliver(to, letter);
            };
            return hooks;
          }};
}

bool run_before_the_commit(ActorId, Letter& letter, const Send& send) {
  const auto* m = message_if<msg::SliceFinished>(letter.mail);
  if (m && m->slice->has_deferred)
    send(letter.from, {{}, actors::ToPartition::Mail(msg::CommittedUpTo{m->slice->epoch, m->slice->number})});
  return true;
}

}  // namespace

std::vector<Bug> bugs_of_mail() {
  return {takes_old_slices(), bug_of_mail("at-most-once turns run before the commit", run_before_the_commit),
          bug_of_mail("a crashed partition's cycle is not undone", pass_all_but<msg::TasksDown>),
          bug_of_mail("a restart is forgotten", pass_all_but<msg::RestartTasks>),
          bug_of_mail("a rewind does not reach the partition", pass_all_but<msg::RewindTo>)};
}

std::vector<Bug> bugs() {
  std::vector<Bug> all;
  for (const auto& some : {bugs_of_mail(), bugs_of_sessions(), bugs_of_cycles()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

}  // namespace eventy::simulation
