// Carries the text, class and code of an actor's failure to the supervisor.
#pragma once

#include <caf/all.hpp>

#include <exception>
#include <optional>
#include <string>

#include "eventy/actors/messages.hpp"

namespace eventy::actors {

// Ends the actor on any exception, with an error that carries the exception's text and class, and its code if
// it is a Failure; CAF's own handler loses them.
void keep_text_of_exceptions(caf::scheduled_actor* self);
caf::error failure_of(const std::exception_ptr& thrown);
caf::error make_failure(std::string text, std::optional<ErrorCode> code = {});
EndReason reason_of(const caf::error& error);

}  // namespace eventy::actors
