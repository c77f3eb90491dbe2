#include "failure.hpp"

namespace eventy::actors {

void keep_text_of_exceptions(caf::scheduled_actor* self) {
  self->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return failure_of(e);
    } catch (...) {
      return make_failure("an exception that is no std::exception");
    }
  });
}

caf::error failure_of(const std::exception& thrown) {
  const auto* failure = dynamic_cast<const Failure*>(&thrown);
  return make_failure(thrown.what(), failure ? std::optional(failure->error().code) : std::nullopt);
}

caf::error make_failure(std::string text, std::optional<ErrorCode> code) {
  if (!code) return caf::make_error(caf::sec::runtime_error, std::move(text));
  return caf::make_error(caf::sec::runtime_error, std::move(text), static_cast<std::uint8_t>(*code));
}

std::string text_of(const caf::error& reason) {
  const caf::message context = reason.context();
  if (context.match_elements<std::string>() || context.match_elements<std::string, std::uint8_t>())
    return context.get_as<std::string>(0);
  return caf::to_string(reason);
}

std::optional<ErrorCode> code_of(const caf::error& reason) {
  const caf::message context = reason.context();
  if (!context.match_elements<std::string, std::uint8_t>()) return std::nullopt;
  return static_cast<ErrorCode>(context.get_as<std::uint8_t>(1));
}

}  // namespace eventy::actors
