// The actor of a source: a shell that owns a SourceEngine and drives itself: it looks as long as few enough
// of its slices wait for their commit. Runs on a thread of its own, for the user's code may block. When that
// throws, nothing of the look happened: the source quits with the text, once its earlier looks are committed,
// and the supervisor starts it again.
#pragma once

#include "eventy/engine/source_engine.hpp"
#include "lane.hpp"

namespace eventy::actors {

class SourceState {
 public:
  explicit SourceState(caf::event_based_actor* self) : self_(self) {}
  caf::behavior begin(LaneSetup setup);
  static inline const char* name = "source";

 private:
  SourceEngine& engine();
  void look();
  void look_soon();
  void committed(const msg::CommittedUpTo& m);
  void quit_when_committed();
  void rewind(const msg::RewindTo& m);

  caf::event_based_actor* self_;
  LaneSetup setup_ = {};
  std::unique_ptr<SourceEngine> engine_ = {};
  std::uint64_t sent_ = 0, committed_ = 0;  // slices of this epoch
  bool look_is_sent_ = false, stopped_ = false, waits_ = false;
  std::optional<caf::error> failure_ = {};
};

caf::behavior source(caf::stateful_actor<SourceState>* self, const LaneSetup& setup);

}  // namespace eventy::actors
