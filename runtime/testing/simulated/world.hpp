// The scheduler of a simulation: actors, their mail and virtual time. Mail between two actors keeps its
// order, as CAF's does; else any order is possible, and chance picks one. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "eventy/testing/chance.hpp"
#include "eventy/testing/mail.hpp"
#include "eventy/testing/trace.hpp"

namespace eventy::testing::detail {

class World;

// Thrown where a process dies: nothing after that point happened.
struct ProcessDied {
  std::uint32_t node;
};

// Time as one actor sees it: it goes on while the actor works, and the others have it later.
class ActorClock final : public Clock {
 public:
  explicit ActorClock(const World& world) : world_(world) {}
  Instant now() const override;
  void spend(Duration time) { spent_ += time; }
  Duration settle() { return std::exchange(spent_, Duration(0)); }

 private:
  const World& world_;
  Duration spent_{0};
};

class Actor {
 public:
  Actor(World& world, std::uint32_t node, std::string name)
      : world_(world), clock_(world), node_(node), name_(std::move(name)) {}
  virtual ~Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  // An exception ends the actor; who watches it hears why.
  virtual void receive(ActorId from, Mail& mail) = 0;
  virtual void begin() {}
  virtual bool is_lane() const { return false; }
  virtual Epoch epoch() const { return {}; }  // of a lane
  std::uint32_t node() const { return node_; }
  const std::string& name() const { return name_; }
  ActorId id() const { return id_; }

 protected:
  void send(ActorId to, Mail mail);
  void send_later(Duration wait, Mail mail);  // to itself
  World& world_;
  ActorClock clock_;

 private:
  friend class World;
  ActorId id_ = {};
  ActorId watcher_ = {};
  std::uint32_t node_;
  std::string name_;
  Instant busy_until_ = {};
  std::optional<mail::Down> ending_ = {};
};

class World {
 public:
  World(std::uint64_t seed, Trace& trace) : chance_(seed), trace_(trace) {}

  Instant now() const { return now_; }
  Chance& chance() { return chance_; }
  Trace& trace() { return trace_; }
  void note(const std::string& line);

  ActorId add(std::unique_ptr<Actor> actor, ActorId watcher = {});
  Actor* find(ActorId id) const;
  void send(ActorId from, ActorId to, Mail mail);
  void send_later(ActorId from, ActorId to, Duration wait, Mail mail);
  void end(Actor& actor, std::string reason, std::optional<ErrorCode> code = {});  // after what it does now
  void spend(Duration time);  // the actor that works now takes so long
  const Actor* working() const { return working_; }

  void freeze(std::uint32_t node, Instant until) { frozen_[node] = until; }
  bool frozen(std::uint32_t node) const;
  void remove_node(std::uint32_t node);

  // Mail that a hook may change, before it is delivered; false: it is lost.
  using Hook = std::function<bool(Actor& to, ActorId from, Mail& mail)>;
  void set_hook(Hook hook) { hook_ = std::move(hook); }
  void set_lane_crashes(double probability) { lane_crashes_ = probability; }

  bool deliver_one();  // false: nothing is ready now
  std::optional<Instant> next_due() const;
  void advance_to(Instant time);

 private:
  struct Channel {
    ActorId from, to;
    std::deque<Mail> mail = {};
  };
  struct Timed {
    ActorId from, to;
    Mail mail;
  };
  void put(ActorId from, ActorId to, Mail mail);
  bool ready(const Channel& channel) const;
  void work(Actor& actor, ActorId from, Mail& mail);
  void remove(ActorId id);

  Chance chance_;
  Trace& trace_;
  Instant now_{Duration(1'357'000'000'000)};
  std::map<ActorId, std::unique_ptr<Actor>> actors_;
  std::vector<Channel> channels_;  // none is empty
  std::multimap<Instant, Timed> timed_;
  std::map<std::uint32_t, Instant> frozen_;
  std::vector<std::size_t> ready_;  // reused
  std::vector<Timed> outgoing_;     // of the actor that works now
  Actor* working_ = nullptr;
  Hook hook_;
  double lane_crashes_ = 0;
  std::uint64_t last_id_ = 0;
};

inline Instant ActorClock::now() const { return world_.now() + spent_; }
inline void Actor::send(ActorId to, Mail mail) { world_.send(id_, to, std::move(mail)); }
inline void Actor::send_later(Duration wait, Mail mail) {
  world_.send_later(id_, id_, wait, std::move(mail));
}

}  // namespace eventy::testing::detail
