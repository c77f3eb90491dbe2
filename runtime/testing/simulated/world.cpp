#include "world.hpp"

#include <algorithm>
#include <new>

namespace eventy::testing::detail {

void World::note(const std::string& line) {
  trace_.note(std::to_string((now_.time_since_epoch() - Duration(1'357'000'000'000)).count()) + " ms  " +
              line);
}

ActorId World::add(std::unique_ptr<Actor> actor, ActorId watcher) {
  actor->id_ = {++last_id_};
  actor->watcher_ = watcher;
  Actor& added = *actor;
  actors_.emplace(added.id_, std::move(actor));
  added.begin();
  return added.id_;
}

Actor* World::find(ActorId id) const {
  const auto it = actors_.find(id);
  return it == actors_.end() ? nullptr : it->second.get();
}

// What an actor sends while it works is on its way when it is done.
void World::send(ActorId from, ActorId to, Mail mail) {
  if (working_ && working_->id_ == from) {
    outgoing_.push_back({from, to, std::move(mail)});
  } else {
    put(from, to, std::move(mail));
  }
}

void World::send_later(ActorId from, ActorId to, Duration wait, Mail mail) {
  timed_.emplace(now_ + wait, Timed{from, to, std::move(mail)});
}

void World::put(ActorId from, ActorId to, Mail mail) {
  if (!actors_.contains(to)) return;
  const auto it = std::find_if(channels_.begin(), channels_.end(),
                               [&](const Channel& c) { return c.from == from && c.to == to; });
  Channel& channel = it == channels_.end() ? channels_.emplace_back(Channel{from, to}) : *it;
  channel.mail.push_back(std::move(mail));
}

void World::end(Actor& actor, std::string reason, std::optional<ErrorCode> code) {
  if (!actor.ending_) actor.ending_ = mail::Down{actor.id_, std::move(reason), code};
}

void World::spend(Duration time) {
  if (working_) working_->clock_.spend(time);
}

bool World::frozen(std::uint32_t node) const {
  const auto it = frozen_.find(node);
  return it != frozen_.end() && it->second > now_;
}

bool World::ready(const Channel& channel) const {
  const Actor* to = find(channel.to);
  return !to || (to->busy_until_ <= now_ && !frozen(to->node_));
}

bool World::deliver_one() {
  ready_.clear();
  for (std::size_t i = 0; i < channels_.size(); ++i)
    if (ready(channels_[i])) ready_.push_back(i);
  if (ready_.empty()) return false;
  const std::size_t at = ready_[chance_.below(ready_.size())];
  const auto [from, to] = std::pair(channels_[at].from, channels_[at].to);
  Mail mail = std::move(channels_[at].mail.front());
  channels_[at].mail.pop_front();
  if (channels_[at].mail.empty()) {
    std::swap(channels_[at], channels_.back());
    channels_.pop_back();
  }
  Actor* actor = find(to);
  if (!actor) return true;
  note(actor->name_ + " < " + describe(mail));
  if (hook_ && !hook_(*actor, from, mail)) return true;
  work(*actor, from, mail);
  return true;
}

void World::work(Actor& actor, ActorId from, Mail& mail) {
  working_ = &actor;
  outgoing_.clear();
  const bool crashes = actor.is_lane() && chance_.happens(lane_crashes_);
  const bool early = crashes && chance_.happens(0.5);
  try {
    if (!early) actor.receive(from, mail);
    if (crashes && !actor.ending_) {
      trace_.fired(early ? "lane crashed before a step" : "lane crashed after a step");
      outgoing_.clear();
      end(actor, "an injected crash");
    }
  } catch (const Failure& e) {
    end(actor, e.what(), e.error().code);
  } catch (const std::bad_alloc&) {
    trace_.fired("out of memory");
    end(actor, "out of memory");
  } catch (const std::exception& e) {
    end(actor, e.what());
  } catch (...) {
    working_ = nullptr;  // the process is gone, and what it was about to send
    outgoing_.clear();
    throw;
  }
  working_ = nullptr;
  const Duration spent = actor.clock_.settle();
  actor.busy_until_ = now_ + spent;
  for (auto& out : std::exchange(outgoing_, {})) {
    if (spent == Duration(0)) {
      put(out.from, out.to, std::move(out.mail));
    } else {
      timed_.emplace(now_ + spent, std::move(out));
    }
  }
  if (!actor.ending_) return;
  const ActorId watcher = actor.watcher_;
  const mail::Down down = *actor.ending_;
  note(actor.name_ + " ends: " + down.reason);
  remove(actor.id_);
  put(down.child, watcher, down);
}

// What an actor owned may speak while it goes, so it goes last.
void World::remove(ActorId id) {
  const auto it = actors_.find(id);
  auto gone = std::move(it->second);
  actors_.erase(it);
  std::erase_if(channels_, [&](const Channel& c) { return c.to == id; });
}

void World::remove_node(std::uint32_t node) {
  std::vector<ActorId> ids;
  for (const auto& [id, actor] : actors_)
    if (actor->node_ == node) ids.push_back(id);
  for (const ActorId id : ids) remove(id);
}

std::optional<Instant> World::next_due() const {
  std::optional<Instant> next;
  const auto also = [&](Instant at) {
    if (at > now_) next = next ? std::min(*next, at) : at;
  };
  if (!timed_.empty()) next = std::max(now_, timed_.begin()->first);
  for (const Channel& c : channels_) {
    const Actor* to = find(c.to);
    if (!to) continue;
    also(to->busy_until_);
    if (const auto it = frozen_.find(to->node_); it != frozen_.end()) also(it->second);
  }
  return next;
}

void World::advance_to(Instant time) {
  now_ = std::max(now_, time);
  while (!timed_.empty() && timed_.begin()->first <= now_) {
    auto node = timed_.extract(timed_.begin());
    put(node.mapped().from, node.mapped().to, std::move(node.mapped().mail));
  }
}

}  // namespace eventy::testing::detail
