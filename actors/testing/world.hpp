// The actors of one or more simulated nodes in virtual time, on one thread: the production actors, whose mail
// and turns the world schedules. Mail between two actors keeps its order, as in CAF; any other order is
// possible. Simulation uses it, and tests of single actors do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../host.hpp"
#include "eventy/testing/random.hpp"
#include "eventy/testing/trace.hpp"

namespace eventy::testing {

class SimulatedNode;

class World {
 public:
  // Which of the ready items is next: a random one, or the one that was sent first.
  enum class Order : std::uint8_t { by_chance, as_sent };
  World(Random& chance, Trace& trace, Order order) : chance_(chance), trace_(trace), order_(order) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- time ---
  MonotonicTime now() const { return now_; }
  // Time advances for an actor while it works; the others get what it sends when it is done.
  MonotonicTime now_for_actors() const { return now_ + spent_; }
  WallTime wall() const;
  void spend(MonotonicTime::duration time);
  void advance(MonotonicTime::duration time);
  // The next time at which something can happen; nullopt: never.
  std::optional<MonotonicTime> next_due() const;

  // --- running ---
  // Starts one actor or delivers one message. False: nothing is ready now.
  bool step();
  // Runs all that is ready now and all that follows without a wait.
  void run_ready();
  // Advances time until nothing is left to do or `done` returns true. False: not done after `steps` steps.
  bool run_until(const std::function<bool()>& done, std::size_t steps = 200'000);
  void run() {
    (void)run_until([] { return false; });
  }

  // --- faults ---
  void freeze(const SimulatedNode& node, MonotonicTime until) { frozen_[&node] = until; }
  bool frozen(const SimulatedNode& node) const;
  void set_task_crashes(double probability) { task_crashes_ = probability; }
  // Sees each letter before it is delivered and may change it; false: it is lost.
  using Hook = std::function<bool(actors::ActorId to, actors::Letter& letter)>;
  void set_hook(Hook hook) { hook_ = std::move(hook); }
  // Sees every actor before it is registered, and every letter that is sent.
  struct Observer {
    std::function<void(const SimulatedNode&, const actors::Role&)> born = [](const auto&, const auto&) {};
    std::function<void(actors::ActorId to, const actors::Letter&)> sent = [](auto, const auto&) {};
  };
  void observe(Observer observer) { observer_ = std::move(observer); }

  const SimulatedNode* working() const { return working_node_; }  // null: no actor works
  Random& chance() { return chance_; }
  Trace& trace() { return trace_; }
  void note(const std::string& line);

  // --- for nodes ---
  actors::ActorId new_id() { return {++last_id_}; }
  void add(actors::ActorId id, SimulatedNode& node, const actors::Role& role, std::string name,
           caf::actor actor);
  void put(actors::ActorId to, actors::Letter letter, std::chrono::nanoseconds wait);
  void ended(actors::ActorId id, const actors::EndReason& why);
  void remove(const SimulatedNode& node);  // and all mail for its actors
  struct Known {
    actors::ActorId id;
    actors::Role role;
    caf::actor actor;
    SimulatedNode* node;
  };
  std::vector<Known> actors_of(const SimulatedNode& node) const;  // those that are alive
  std::optional<Known> find(actors::ActorId id) const;            // nullopt: it has ended

 private:
  struct Actor {
    SimulatedNode* node;
    actors::Role role;
    std::string name;
    caf::actor handle;
    bool has_begun = false;
    MonotonicTime busy_until = {};
  };
  struct Item {
    std::uint64_t number;              // in the order of sending
    std::optional<actors::Mail> mail;  // none: the actor begins
  };
  struct Channel {
    actors::ActorId from, to;
    std::deque<Item> items = {};
  };
  struct Timed {
    actors::ActorId to;
    actors::Letter letter;
  };
  void begin(actors::ActorId id);
  void deliver(actors::ActorId to, actors::Letter letter);
  void work(actors::ActorId id, const Actor& actor, const std::function<void()>& what);
  void queue(actors::ActorId from, actors::ActorId to, std::optional<actors::Mail> mail);
  bool ready(const Channel& channel) const;
  std::optional<std::size_t> next_channel();

  Random& chance_;
  Trace& trace_;
  Order order_;
  MonotonicTime now_{std::chrono::seconds(1)};
  MonotonicTime::duration spent_{0};
  std::map<actors::ActorId, Actor> actors_;
  std::vector<Channel> channels_;  // none is empty
  std::multimap<MonotonicTime, Timed> timed_;
  std::map<const SimulatedNode*, MonotonicTime> frozen_;
  std::vector<std::size_t> ready_;  // reused
  std::vector<Timed> outgoing_;     // of the actor that works now
  actors::ActorId working_ = {};
  const SimulatedNode* working_node_ = nullptr;
  Hook hook_;
  Observer observer_;
  double task_crashes_ = 0;
  std::uint64_t last_id_ = 0, last_item_ = 0;
};

}  // namespace eventy::testing
