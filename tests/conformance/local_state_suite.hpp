// One suite that judges every LocalState. One adds itself with a Subject and add_local_state_suite().
#pragma once

#include "eventy/store/local_state.hpp"

#include <functional>
#include <memory>

namespace eventy::conformance {

// Copies that are judged: none at first, everything of them is gone with the object.
class LocalStateSubject {
 public:
  virtual ~LocalStateSubject() = default;
  virtual const OpenLocalState& open() = 0;
  virtual void restart() = 0;  // only of durable ones: as the end of the process and a new start
};
using LocalStateFactory = std::function<std::unique_ptr<LocalStateSubject>()>;

enum class Survives : std::uint8_t { nothing, the_process };

bool add_local_state_suite(const char* suite, Survives survives, const LocalStateFactory& factory);

}  // namespace eventy::conformance
