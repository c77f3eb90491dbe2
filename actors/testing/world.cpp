#include "world.hpp"

#include <algorithm>

#include "simulated_node.hpp"

namespace eventy::testing {

using namespace eventy::actors;

namespace {

constexpr MonotonicTime began{std::chrono::seconds(1)};
constexpr WallTime date_then{std::chrono::seconds(1'357'000'000)};  // an ordinary day: 1 January 2013

// Makes the actor fail at its next turn, as if its code had thrown.
void fail(const caf::actor& actor, const std::string& why) {
  auto* ptr = caf::actor_cast<caf::abstract_actor*>(actor);
  ptr->eq_impl(caf::make_message_id(), nullptr, nullptr, caf::exit_msg{actor.address(), make_failure(why)});
}

}  // namespace

// --- time ---

WallTime World::wall() const {
  return date_then + std::chrono::floor<WallTime::duration>(now_for_actors() - began);
}

void World::note(const std::string& line) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - began).count();
  trace_.note(std::to_string(ms) + " ms  " + line);
}

void World::spend(MonotonicTime::duration time) {
  if (working_node_) spent_ += time;
}

void World::advance(MonotonicTime::duration time) {
  now_ += std::max(time, MonotonicTime::duration(0));
  while (!timed_.empty() && timed_.begin()->first <= now_) {
    auto node = timed_.extract(timed_.begin());
    auto& [to, letter] = node.mapped();
    queue(letter.from, to, std::move(letter.mail));
  }
}

std::optional<MonotonicTime> World::next_due() const {
  std::optional<MonotonicTime> next;
  const auto also = [&](MonotonicTime at) {
    if (at > now_) next = next ? std::min(*next, at) : at;
  };
  const auto also_when_ready = [&](ActorId id) {
    const auto it = actors_.find(id);
    if (it == actors_.end()) return;
    also(it->second.busy_until);
    if (const auto frozen = frozen_.find(it->second.node); frozen != frozen_.end()) also(frozen->second);
  };
  if (!timed_.empty()) next = std::max(now_, timed_.begin()->first);
  for (const Channel& c : channels_) also_when_ready(c.to);
  return next;
}

bool World::frozen(const SimulatedNode& node) const {
  const auto it = frozen_.find(&node);
  return it != frozen_.end() && it->second > now_;
}

// --- actors ---

void World::add(ActorId id, SimulatedNode& node, const Role& role, std::string name, caf::actor actor) {
  observer_.born(node, role);
  actors_.emplace(id, Actor{&node, role, std::move(name), std::move(actor)});
  queue(id, id, std::nullopt);
}

void World::ended(ActorId id, const EndReason& why) {
  const auto it = actors_.find(id);
  if (it == actors_.end()) return;  // its node was killed
  note(it->second.name + " ends: " + why.text);
  actors_.erase(it);
  std::erase_if(channels_, [&](const Channel& c) { return c.to == id; });
}

void World::remove(const SimulatedNode& node) {
  frozen_.erase(&node);
  std::erase_if(actors_, [&](const auto& actor) { return actor.second.node == &node; });
  std::erase_if(channels_, [&](const Channel& c) { return !actors_.contains(c.to); });
}

std::vector<World::Known> World::actors_of(const SimulatedNode& node) const {
  std::vector<Known> all;
  for (const auto& [id, actor] : actors_)
    if (actor.node == &node) all.push_back({id, actor.role, actor.handle, actor.node});
  return all;
}

std::optional<World::Known> World::find(ActorId id) const {
  const auto it = actors_.find(id);
  if (it == actors_.end()) return std::nullopt;
  return Known{id, it->second.role, it->second.handle, it->second.node};
}

// --- mail ---

// What an actor sends while it works leaves when it is done. A process that has died sends nothing.
void World::put(ActorId to, Letter letter, std::chrono::nanoseconds wait) {
  const bool works = working_node_ && letter.from == working_;
  if (works && working_node_->doomed()) {
    if (!message_if<msg::Down>(letter.mail)) trace_.fired("a defect: mail from a process that has died");
    return;
  }
  if (!actors_.contains(to)) return;
  observer_.sent(to, letter);
  if (wait > std::chrono::nanoseconds(0)) {
    timed_.emplace(now_for_actors() + wait, Timed{to, std::move(letter)});
  } else if (works) {
    outgoing_.push_back({to, std::move(letter)});
  } else {
    queue(letter.from, to, std::move(letter.mail));
  }
}

void World::queue(ActorId from, ActorId to, std::optional<Mail> mail) {
  if (!actors_.contains(to)) return;
  const auto it = std::find_if(channels_.begin(), channels_.end(),
                               [&](const Channel& c) { return c.from == from && c.to == to; });
  Channel& channel = it == channels_.end() ? channels_.emplace_back(Channel{from, to}) : *it;
  channel.items.push_back({++last_item_, std::move(mail)});
}

bool World::ready(const Channel& channel) const {
  const Actor& actor = actors_.at(channel.to);
  return (actor.has_begun || !channel.items.front().mail) && actor.busy_until <= now_ && !frozen(*actor.node);
}

std::optional<std::size_t> World::next_channel() {
  ready_.clear();
  for (std::size_t i = 0; i < channels_.size(); ++i)
    if (ready(channels_[i])) ready_.push_back(i);
  if (ready_.empty()) return std::nullopt;
  if (order_ == Order::by_chance) return ready_[chance_.below(ready_.size())];
  return *std::min_element(ready_.begin(), ready_.end(), [&](std::size_t a, std::size_t b) {
    return channels_[a].items.front().number < channels_[b].items.front().number;
  });
}

bool World::step() {
  const auto at = next_channel();
  if (!at) return false;
  Channel& channel = channels_[*at];
  const auto [from, to] = std::pair(channel.from, channel.to);
  std::optional<Mail> mail = std::move(channel.items.front().mail);
  channel.items.pop_front();
  if (channel.items.empty()) {
    std::swap(channel, channels_.back());
    channels_.pop_back();
  }
  mail ? deliver(to, {from, *std::move(mail)}) : begin(to);
  return true;
}

void World::begin(ActorId id) {
  Actor& begins = actors_.at(id);
  begins.has_begun = true;
  const Actor actor = begins;
  note(actor.name + " starts");
  work(id, actor, [&] { actor.node->run(actor.handle); });
}

void World::deliver(ActorId to, Letter letter) {
  const Actor actor = actors_.at(to);
  note(actor.name + " < " + describe(letter.mail));
  if (hook_ && !hook_(to, letter)) return;
  const bool crashes = actor.role.kind == Role::Kind::task && chance_.happens(task_crashes_);
  const bool early = crashes && chance_.happens(0.5);
  work(to, actor, [&] {
    if (!early) {
      caf::anon_send(actor.handle, std::move(letter));
      actor.node->run(actor.handle);
    }
    if (!crashes || !actors_.contains(to)) return;
    trace_.fired(early ? "task crashed before a step" : "task crashed after a step");
    outgoing_.clear();
    fail(actor.handle, "an injected crash");
    actor.node->run(actor.handle);
  });
}

void World::work(ActorId id, const Actor& actor, const std::function<void()>& what) {
  working_ = id, working_node_ = actor.node;
  outgoing_.clear();
  what();
  working_ = {}, working_node_ = nullptr;
  const auto spent = std::exchange(spent_, MonotonicTime::duration(0));
  if (const auto it = actors_.find(id); it != actors_.end()) it->second.busy_until = now_ + spent;
  if (actor.node->doomed()) return outgoing_.clear();
  for (auto& out : std::exchange(outgoing_, {})) {
    if (spent == MonotonicTime::duration(0)) {
      queue(out.letter.from, out.to, std::move(out.letter.mail));
    } else {
      timed_.emplace(now_ + spent, std::move(out));
    }
  }
}

// --- running ---

void World::run_ready() {
  while (step()) {
  }
}

bool World::run_until(const std::function<bool()>& done, std::size_t steps) {
  for (std::size_t i = 0; i < steps; ++i) {
    if (!step()) {
      const auto next = next_due();
      if (!next) return done();
      advance(*next - now_);
    }
    if (done()) return true;
  }
  return false;
}

}  // namespace eventy::testing
