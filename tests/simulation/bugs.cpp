#include "bugs.hpp"

namespace eventy::simulation {

namespace {

using testing::ActorId;
using testing::Mail;
using testing::SimulationHooks;
namespace mail = testing::mail;
using Send = std::function<void(ActorId, Mail)>;

Bug bug_of_mail(std::string name, std::function<bool(SimulationHooks::Letter&, const Send&)> deliver) {
  return {std::move(name), [deliver = std::move(deliver)] {
            SimulationHooks hooks;
            hooks.deliver = deliver;
            return hooks;
          }};
}

template <class Lost>
bool pass_all_but(SimulationHooks::Letter& letter, const Send&) {
  return !std::holds_alternative<Lost>(letter.mail);
}

// Slices that a lane sent before it went back count as if it had sent them afterwards.
class OldSlices {
 public:
  bool deliver(SimulationHooks::Letter& letter, const Send&) {
    if (const auto* rewind = std::get_if<mail::RewindTo>(&letter.mail))
      lanes_[letter.to] = {rewind->epoch, 0};
    auto* finished = std::get_if<mail::Finished>(&letter.mail);
    const auto lane = lanes_.find(letter.from);
    if (!finished || lane == lanes_.end()) return true;
    auto& [epoch, taken] = lane->second;
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
  std::map<ActorId, std::pair<Epoch, std::uint64_t>> lanes_;  // since its last rewind
};

Bug takes_old_slices() {
  return {"slices of an old epoch are taken", [] {
            SimulationHooks hooks;
            hooks.deliver = [state = std::make_shared<OldSlices>()](auto& letter, const auto& send) {
              return state->deliver(letter, send);
            };
            return hooks;
          }};
}

bool run_before_the_commit(SimulationHooks::Letter& letter, const Send& send) {
  const auto* m = std::get_if<mail::Finished>(&letter.mail);
  if (m && m->slice->has_deferred) send(letter.from, mail::CommittedUpTo{m->slice->epoch, m->slice->number});
  return true;
}

}  // namespace

std::vector<Bug> bugs_of_mail() {
  return {takes_old_slices(), bug_of_mail("at-most-once turns run before the commit", run_before_the_commit),
          bug_of_mail("a crashed partition's cycle is not undone", pass_all_but<mail::LanesDown>),
          bug_of_mail("a restart is forgotten", pass_all_but<mail::RestartLanes>),
          bug_of_mail("a rewind does not reach the partition", pass_all_but<mail::RewindTo>)};
}

std::vector<Bug> bugs() {
  std::vector<Bug> all;
  for (const auto& some : {bugs_of_mail(), bugs_of_sessions(), bugs_of_cycles()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

}  // namespace eventy::simulation
