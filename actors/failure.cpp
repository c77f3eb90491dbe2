#include "failure.hpp"

namespace eventy::actors {

void keep_text_of_exceptions(caf::scheduled_actor* self) {
  self->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return make_failure(e.what());
    } catch (...) {
      return make_failure("an exception that is no std::exception");
    }
  });
}

caf::error make_failure(std::string text) {
  return caf::make_error(caf::sec::runtime_error, std::move(text));
}

std::string text_of(const caf::error& reason) {
  if (const caf::message context = reason.context(); context.match_elements<std::string>())
    return context.get_as<std::string>(0);
  return caf::to_string(reason);
}

}  // namespace eventy::actors
