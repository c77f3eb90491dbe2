#include "failure.hpp"

#include "eventy/engine/failure_class.hpp"

namespace eventy::actors {

namespace {

constexpr std::uint8_t no_code = 0;

bool is_ours(const caf::message& context) {
  return context.match_elements<std::string, std::string, std::uint8_t>();
}

}  // namespace

void keep_text_of_exceptions(caf::scheduled_actor* self) {
  self->set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr& thrown) { return failure_of(thrown); });
}

caf::error failure_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Failure& e) {
    return make_failure(e.what(), e.error().code);
  } catch (...) {
    const ErrorText said = eventy::describe(thrown);
    return caf::make_error(caf::sec::runtime_error, said.reason, said.error_class, no_code);
  }
}

caf::error make_failure(std::string text, std::optional<ErrorCode> code) {
  return caf::make_error(caf::sec::runtime_error, std::move(text),
                         std::string(code ? to_string(*code) : "unknown"),
                         code ? static_cast<std::uint8_t>(*code) : no_code);
}

EndReason reason_of(const caf::error& error) {
  if (!error || error == caf::exit_reason::user_shutdown) return {.text = "in order", .in_order = true};
  const caf::message context = error.context();
  if (!is_ours(context)) return {caf::to_string(error), caf::to_string(error)};
  const auto code = context.get_as<std::uint8_t>(2);
  return {context.get_as<std::string>(0), context.get_as<std::string>(1),
          code == no_code ? std::nullopt : std::optional(static_cast<ErrorCode>(code))};
}

}  // namespace eventy::actors
