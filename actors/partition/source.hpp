// The actor of a source: a shell around a SourceEngine that keeps polling while few enough of its slices are
// uncommitted. It runs on a thread of its own, because the user's code may block. If a poll throws, none of
// its effects remain: the source ends with the exception's text once its earlier polls are committed, and the
// supervisor restarts it.
#pragma once

#include "eventy/engine/source_engine.hpp"
#include "task.hpp"

namespace eventy::actors {

struct SourceActor {
  using Receiver = ToSource;
  using Setup = TaskSetup;
  static inline const char* name = "source";

  void begin(TaskSetup setup);
  void handle(const msg::Continue&) { poll_is_sent_ = false, poll(); }
  void handle(const msg::Wake&) { waits_ = false, poll(); }
  void handle(const msg::CommittedUpTo& m);
  void handle(const msg::RewindTo& m);
  void handle(const msg::StopPolling&) { stopped_ = true; }
  void handle(const msg::End&) { self_.end(); }

  Self<ToSource> self_ = {};

 private:
  SourceEngine& engine();
  void poll();
  void poll_soon();
  void quit_when_committed();

  TaskSetup setup_ = {};
  std::unique_ptr<SourceEngine> engine_ = {};
  std::uint64_t sent_ = 0, committed_ = 0;  // slices of this epoch
  bool poll_is_sent_ = false, stopped_ = false, waits_ = false;
  std::optional<caf::error> failure_ = {};
};

}  // namespace eventy::actors
