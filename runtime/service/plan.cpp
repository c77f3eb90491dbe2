#include "eventy/service/plan.hpp"

#include <algorithm>
#include <stdexcept>

#include "eventy/service.hpp"

namespace eventy {

std::string_view to_string(Guarantee guarantee) {
  switch (guarantee) {
    case Guarantee::at_least_once:
      return "at least once";
    case Guarantee::exactly_once:
      return "exactly once";
    case Guarantee::at_most_once:
      return "at most once";
  }
  return "unknown";
}

const FailurePolicy* FailurePolicies::for_class_of(const std::exception_ptr& error) const {
  for (const auto& c : classes_)
    if (c.matches(error)) return &c.policy;
  return nullptr;
}

Plan::Policy Plan::policy_for(const Handler& handler, const std::exception_ptr& error) const {
  static const FailurePolicy by_default = {};
  for (const FailurePolicies* said : {&handler.failures, &failures}) {
    if (const auto* policy = said->for_class_of(error)) return {*policy, true};
    if (const auto* policy = said->by_default()) return {*policy, false};
  }
  return {by_default, false};
}

Duration FailurePolicies::longest_wait() const {
  Duration longest = FailurePolicy{}.probe.interval;
  const auto also = [&](const FailurePolicy& policy) {
    longest =
        std::max({longest, policy.retry.times > 0 ? policy.retry.max : Duration(0), policy.probe.interval});
  };
  for (const auto& c : classes_) also(c.policy);
  if (by_default_) also(*by_default_);
  return longest;
}

Duration Plan::longest_wait() const {
  Duration longest = failures.longest_wait();
  for (const auto& handler : handlers) longest = std::max(longest, handler.failures.longest_wait());
  return longest;
}

bool Plan::handles_responses() const {
  return std::any_of(handlers.begin(), handlers.end(),
                     [](const Handler& h) { return h.handles(Kind::response); });
}

namespace detail {

const Meta& meta_of(const TurnCore& core) {
  if (!core.meta) throw std::logic_error("this turn handles no record, so it has no meta()");
  return *core.meta;
}

void write(Writer& w, const CarriedContext& v) { eventy::write(w, v.value); }
void read(Reader& r, CarriedContext& v, Absent) { eventy::read(r, v.value); }

void check_service_name(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 200 || !std::all_of(name.begin(), name.end(), allowed))
    throw std::invalid_argument("service name \"" + name.substr(0, 80) +
                                "\": a name has 1 to 200 letters, digits, '.', '_' and '-'");
}

std::shared_ptr<const Plan> copy_of(const Plan* plan) {
  if (plan == nullptr) throw std::logic_error("this builder was moved from: its service is in another one");
  return std::make_shared<const Plan>(*plan);
}

void add_handler(Plan& plan, Plan::Handler handler) {
  const auto handles_the_same = [&](const Plan::Handler& h) {
    if (h.name != handler.name || h.records.has_value() != handler.records.has_value()) return false;
    return !h.records || (h.records->kind == handler.records->kind && h.records->ns == handler.records->ns);
  };
  for (const auto& h : plan.handlers) {
    if (handles_the_same(h) && h.guarantee == handler.guarantee)
      throw std::invalid_argument("service " + plan.name + ": two handlers with the same guarantee for " +
                                  std::string(handler.name));
  }
  plan.handlers.push_back(std::move(handler));
}

void add_source(Plan& plan, Plan::Source source) {
  check_service_name(source.name);
  for (const auto& s : plan.sources)
    if (s.name == source.name)
      throw std::invalid_argument("service " + plan.name + ": two sources with the name " + source.name);
  plan.sources.push_back(std::move(source));
}

}  // namespace detail
}  // namespace eventy
