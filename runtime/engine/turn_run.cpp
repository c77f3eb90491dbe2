#include "turn_run.hpp"

#include <new>

namespace eventy {

TurnRun::TurnRun(PartitionEnvironment& environment, KeyStates& states, Outbox& outbox)
    : environment_(environment), states_(states), outbox_(outbox) {}

std::size_t TurnRun::run(const ServiceRuntime::Candidate& handler, Attempt& attempt, State state,
                         OutputBuffer& into) {
  environment_.metrics->turns.add();
  in_handler_ = false;
  attempt_ = &attempt;
  into_ = &into;
  refuse_other_version(handler);
  if (state == State::of_key && environment_.plan.state) {
    states_.open(*attempt.key);
  } else {
    states_.close();
  }
  origin_ = {.deriver = &environment_.runtime.deriver(handler.handler),
             .input_id = attempt.meta.uuid,
             .correlation_id = attempt.meta.correlation_id,
             .key = attempt.key,
             .date = environment_.date};
  ordinal_ = 0;
  detail::TurnCore core{attempt.key, attempt.meta.version, attempt.meta_of_record(), *this,
                        environment_.date};
  const TurnWatch::Running running(*environment_.watch, {&handler.plan->name, attempt.topic,
                                                         attempt.meta.offset, attempt.key.value_or("")});
  in_handler_ = true;
  handler.plan->run(handler.plan->code.get(), core, attempt.content->data());
  in_handler_ = false;
  return states_.check_size();
}

void TurnRun::refuse_other_version(const ServiceRuntime::Candidate& candidate) const {
  const auto& handler = *candidate.plan;
  const Meta& meta = attempt_->meta;
  if (meta.version == handler.version) [[likely]]
    return;
  const auto major = parse_version(meta.version).value_or(Version{}).major;
  if (major == candidate.major || (handler.upgrades_from && handler.upgrades_from(major))) return;
  throw DecodeError("version " + std::string(meta.version) + " of " + std::string(meta.name) +
                    " is not read by a handler of version " + std::string(handler.version));
}

void TurnRun::rethrow_crash(const Plan::Handler* retried) const {
  try {
    throw;
  } catch (const Failure&) {
    throw;
  } catch (const std::bad_alloc&) {
    if (!in_handler_) throw;
    if (retried && !environment_.plan.policy_for(*retried, std::current_exception()).is_named) throw;
  } catch (...) {
  }
}

// --- what a turn stages ---

Writer& TurnRun::begin(const detail::OutputSpec& output) {
  const Context& common = attempt_->context.value();
  origin_.context = {};
  if (!common.empty())
    origin_.context = {.common = &common, .version = attempt_->context.version(last_context_version_)};
  return outbox_.begin(output, origin_, ordinal_, *into_);
}

void TurnRun::end() { outbox_.end(); }

void TurnRun::abandon() { outbox_.abandon(); }

void* TurnRun::edit() { return states_.edit(); }

void TurnRun::delete_state() { states_.delete_state(); }

const void* TurnRun::state() const { return states_.state(); }

const Context& TurnRun::context() { return attempt_->context.value(); }

void TurnRun::set_context(std::string name, ContextValue value) {
  attempt_->context.edit()[environment_.plan.ns][std::move(name)] = std::move(value);
}

void TurnRun::log(LogLevel level, std::string_view text) {
  environment_.log(level, attempt_->meta.correlation_id, text);
}

}  // namespace eventy
