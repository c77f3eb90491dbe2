// How the failure of an actor keeps its text on the way to the supervisor.
#pragma once

#include <caf/all.hpp>

#include <string>

namespace eventy::actors {

// Makes any exception end the actor with an error that carries its text; CAF's own handler loses it.
void keep_text_of_exceptions(caf::scheduled_actor* self);
caf::error make_failure(std::string text);
std::string text_of(const caf::error& reason);

}  // namespace eventy::actors
