// The actor above the supervisors of all services of a node. It restarts a service that gives up, with those
// that the node's strategy names, as often as the node allows; by default never, then the node fails. It
// starts a service only after everything of its predecessor is gone. It also detects when everything is idle
// or drained, and ends all services when told to stop.
#pragma once

#include <set>

#include "../host.hpp"
#include "board.hpp"
#include "eventy/engine/watchdog.hpp"

namespace eventy::actors {

struct RootSetup {
  std::vector<std::shared_ptr<const ServiceSetup>> services;
  std::shared_ptr<Board> board;
  Duration idle_check;  // 0: never
  SupervisionOptions supervision = {.restarts = {.intensity = 0}};
  std::shared_ptr<Watchdog> watchdog = std::make_shared<Watchdog>();
};

struct RootActor {
  using Receiver = ToRoot;
  using Setup = RootSetup;
  static inline const char* name = "root";

  void begin(RootSetup setup);
  void handle(const msg::Status& m) { hear(m); }
  void handle(const msg::ServiceDrained& m);
  void handle(const msg::GaveUp& m);
  void handle(const msg::RestartServices& m);
  void handle(const msg::AskRound&);
  void handle(const msg::Down& m);
  void handle(const msg::Drain&);
  void handle(const msg::Stop&);

  Self<ToRoot> self_ = {};

 private:
  struct Service {
    Ref<ToSupervisor> supervisor = {};  // empty: it has ended
    bool restarts = false;              // it is ending, or has ended, and will be restarted …
    bool is_due = false;                // … now
  };
  void start(std::size_t number);
  void start_due();
  void tell_of_restart(const msg::GaveUp& m, const Supervision::Decision& decision) const;
  void escalate(const std::string& why) const;
  bool all_are_gone() const;
  void hear(const msg::Status& m);

  RootSetup setup_ = {};
  Supervision supervision_{{}, Supervision::FirstChild::is_peer};
  std::vector<Service> services_ = {};
  std::set<std::size_t> drained_ = {};
  bool stopping_ = false, draining_ = false, all_drained_ = true;
  std::uint64_t round_ = 0, activity_ = 0;
  std::size_t answers_ = 0, waited_ = 0;
  bool all_idle_ = false;
  std::optional<std::uint64_t> idle_activity_ = {};  // of the last round, if all were idle in it
};

}  // namespace eventy::actors
