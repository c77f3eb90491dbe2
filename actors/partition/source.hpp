// The actor of a source: a shell that owns a SourceEngine and drives itself: it looks as long as few enough
// of its slices wait for their commit. Runs on a thread of its own, for the user's code may block. When that
// throws, nothing of the look happened: the source quits with the text, once its earlier looks are committed,
// and the supervisor starts it again.
#pragma once

#include "eventy/engine/source_engine.hpp"
#include "lane.hpp"

namespace eventy::actors {

struct SourceState {
  using Receiver = ToSource;
  using Setup = LaneSetup;
  static inline const char* name = "source";

  void begin(LaneSetup setup);
  void handle(const msg::StepOn&) { look_is_sent_ = false, look(); }
  void handle(const msg::Wake&) { waits_ = false, look(); }
  void handle(const msg::CommittedUpTo& m);
  void handle(const msg::RewindTo& m);
  void handle(const msg::StopLooking&) { stopped_ = true; }
  void handle(const msg::End&) { self_.end(); }

  Self<ToSource> self_ = {};

 private:
  SourceEngine& engine();
  void look();
  void look_soon();
  void quit_when_committed();

  LaneSetup setup_ = {};
  std::unique_ptr<SourceEngine> engine_ = {};
  std::uint64_t sent_ = 0, committed_ = 0;  // slices of this epoch
  bool look_is_sent_ = false, stopped_ = false, waits_ = false;
  std::optional<caf::error> failure_ = {};
};

}  // namespace eventy::actors
