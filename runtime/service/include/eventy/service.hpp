// How a user defines a service: `eventy::service<State>("name").on(guarantee, handler)…`. The builder checks
// types at compile time; the result converts to a Service.
#pragma once

#include "eventy/service/plan.hpp"

namespace eventy {

namespace detail {

// The parameters of a function, or of an object with one call operator.
template <class... Ts>
struct Parameters {};
template <class F>
struct ParametersOf {};
template <class F>
  requires requires { &F::operator(); }
struct ParametersOf<F> : ParametersOf<decltype(&F::operator())> {};
template <class R, class... Ts, bool NoThrow>
struct ParametersOf<R (*)(Ts...) noexcept(NoThrow)> {
  using type = Parameters<Ts...>;
};
template <class C, class R, class... Ts, bool NoThrow>
struct ParametersOf<R (C::*)(Ts...) const noexcept(NoThrow)> {
  using type = Parameters<Ts...>;
};
template <class C, class R, class... Ts, bool NoThrow>
struct ParametersOf<R (C::*)(Ts...) noexcept(NoThrow)> {
  using type = Parameters<Ts...>;
};

template <class M>
struct Unreply {
  using type = M;
};
template <class M>
struct Unreply<Reply<M>> {
  using type = M;
};

struct Unnamed {};    // a generic lambda: it does not name its message
struct NoHandler {};  // its parameters are not those of a handler
template <class P>
struct MessageIn {
  using type = NoHandler;
};
template <class T, class M>
  requires(!std::is_base_of_v<StatelessTurn, M>)
struct MessageIn<Parameters<T, const M&>> {
  using type = typename Unreply<M>::type;
};

template <class State, Guarantee G>
using BaseTurn = std::conditional_t<G == Guarantee::at_most_once, StatelessTurn, Turn<State>>;
template <class Base, class M>
struct TurnFor {
  using type = Base;
};
template <class Base, RequestType M>
struct TurnFor<Base, M> {
  using type = BasicRequestTurn<Base, M>;
};
template <class M>
struct ArgumentFor {
  using type = M;
};
template <ResponseType M>
struct ArgumentFor<M> {
  using type = Reply<M>;
};

template <class Named, class F>
consteval auto handled() {
  if constexpr (!std::is_void_v<Named>) {
    return std::type_identity<Named>{};
  } else if constexpr (requires { typename ParametersOf<F>::type; }) {
    return std::type_identity<typename MessageIn<typename ParametersOf<F>::type>::type>{};
  } else if constexpr (std::is_class_v<F>) {
    return std::type_identity<Unnamed>{};
  } else {
    return std::type_identity<NoHandler>{};
  }
}

// Errors carry the path within the record, as those of decode() do: `data.legs[3].dest: …`.
template <class M>
void read_data(Reader& data, std::string_view version, M& out) {
  try {
    read_record(data, version, out);
  } catch (const DecodeError& e) {
    throw e.within("data");
  }
}

template <class R>
Reply<R> decode_reply(Reader& data, const Meta& meta) {
  if (!meta.ok) return Reply<R>(meta.error_code, std::string(meta.error_message.value_or("")));
  R value{};
  read_data(data, meta.version, value);
  return Reply<R>(std::move(value));
}

template <class F, class T, class M>
void run_handler(const void* code, TurnCore& core, Reader& data) {
  T turn{core};
  const F& f = *static_cast<const F*>(code);
  if constexpr (ResponseType<M>) {
    const auto reply = decode_reply<M>(data, meta_of(core));
    f(turn, reply);
  } else {
    M m{};
    read_data(data, core.version, m);
    f(turn, std::as_const(m));
  }
}

void check_service_name(const std::string& name);
std::shared_ptr<const Plan> copy_of(const Plan* plan);
void add_handler(Plan& plan, Plan::Handler handler);
void add_source(Plan& plan, Plan::Source source);

}  // namespace detail

#define EVENTY_HANDLER                                                                                     \
  "a handler is callable as const with (Turn<State>&, const Message&): first the turn, then the message; " \
  "for a request it is RequestTurn<State, Request>&, for a response const Reply<Response>&; an "           \
  "at-most-once handler has no state: StatelessTurn&"

template <class State>
class ServiceOf {
  static_assert(Fields<State>, "a state needs EVENTY_FIELDS(...)");
  static_assert(std::is_copy_constructible_v<State> && std::is_copy_assignable_v<State>,
                "a state is copied to undo a turn");

 public:
  explicit ServiceOf(std::unique_ptr<Plan> plan) : plan_(std::move(plan)) {}

  // Adds a handler. It must be callable as const, because the threads of the partitions share it. Its second
  // parameter names the message type; if that is `auto`, name it: on<Message>(…). `failures` takes precedence
  // over the service's policies. Throws std::invalid_argument if the service already has a handler with this
  // message and guarantee.
  template <class Named = void, Guarantee G, class F>
  ServiceOf on(GuaranteeTag<G>, F f, FailurePolicies failures = {}) && {
    using M = typename decltype(detail::handled<Named, F>())::type;
    constexpr bool named = !std::is_same_v<M, detail::Unnamed>;
    constexpr bool shaped = !std::is_same_v<M, detail::NoHandler>;
    static_assert(named, "with a generic lambda, name the message: .on<Message>(guarantee, handler)");
    static_assert(shaped, EVENTY_HANDLER);
    static_assert(
        Message<M> || !named || !shaped,
        "a handled type needs EVENTY_FIELDS(...) and using record = eventy::Event|Request|Response<...>");
    if constexpr (Message<M>) {
      using T = typename detail::TurnFor<detail::BaseTurn<State, G>, M>::type;
      using Argument = typename detail::ArgumentFor<M>::type;
      constexpr bool callable = std::is_invocable_v<const F&, T&, const Argument&>;
      static_assert(callable, EVENTY_HANDLER);
      using R = typename RecordOf<M>::type;
      if constexpr (callable) {
        detail::add_handler(*plan_, {.name = R::name,
                                     .version = R::version,
                                     .records = Plan::Records{R::kind, R::ns},
                                     .guarantee = G,
                                     .code = std::make_shared<const F>(std::move(f)),
                                     .run = &detail::run_handler<F, T, M>,
                                     .failures = std::move(failures),
                                     .upgrades_from = &detail::upgrades_from<M>});
        if constexpr (RequestType<M>) note_output<typename R::response>();
      }
    }
    return std::move(*this);
  }
  template <class Named = void, class F>
  ServiceOf on(F f, FailurePolicies failures = {}) && {
    return std::move(*this).template on<Named>(exactly_once, std::move(f), std::move(failures));
  }

  // Names the records that handlers and sources write. If a format lacks a schema for one, the node fails at
  // the start instead of at the first output. Answers to requests need not be named.
  template <Message... Ms>
  ServiceOf emits() && {
    (note_output<Ms>(), ...);
    return std::move(*this);
  }

  // Answers a query from the committed state of a key: `(const State*, const Query&)`; the state is null if
  // the key has none.
  template <QueryType Q, class F>
  ServiceOf answer(F f) && {
    using A = typename Q::record::answer;
    static_assert(std::is_invocable_r_v<A, const F&, const State*, const Q&>,
                  "a query's code takes (const State*, const Query&) and returns the query's answer");
    plan_->queries.push_back({Q::record::name, std::make_shared<const F>(std::move(f)),
                              [](const void* code, const void* state, Reader& in, Writer& out) {
                                Q q{};
                                read(in, q, Absent::is_error);
                                const A a = (*static_cast<const F*>(code))(static_cast<const State*>(state),
                                                                           std::as_const(q));
                                write(out, a);
                              }});
    return std::move(*this);
  }

  // Adds a source, which reads outside data exactly once: `(Poll<Position>&)`. Its position is a state of its
  // own.
  template <Fields Position, class F>
  ServiceOf source(std::string name, F f) && {
    static_assert(std::is_invocable_v<const F&, Poll<Position>&>,
                  "a source is callable as const with (Poll<Position>&)");
    detail::add_source(
        *plan_, {std::move(name), &detail::state_ops<Position>, std::make_shared<const F>(std::move(f)),
                 [](const void* code, detail::PollCore& core) {
                   Poll<Position> poll{core};
                   (*static_cast<const F*>(code))(poll);
                 }});
    return std::move(*this);
  }

  // The policy for failures of handlers without a policy of their own.
  ServiceOf on_failure(FailurePolicy policy) && {
    plan_->failures.by_default(std::move(policy));
    return std::move(*this);
  }
  template <class E>
  ServiceOf on_failure(FailurePolicy policy) && {
    plan_->failures.of<E>(std::move(policy));
    return std::move(*this);
  }
  // Sets the namespace; default: `urn:NAME`.
  ServiceOf in_namespace(std::string urn) && {
    plan_->ns = std::move(urn);
    return std::move(*this);
  }
  // Declares that handlers block, for example on a database: each partition gets a thread of its own, so that
  // a blocked one does not hold up others. Not needed for handlers that only compute. The configuration can
  // declare it too.
  ServiceOf blocking() && {
    plan_->is_blocking = true;
    return std::move(*this);
  }
  // Names a namespace that this service sends requests to without handling the responses.
  ServiceOf sends_requests_to(std::string urn) && {
    plan_->requested.push_back(std::move(urn));
    return std::move(*this);
  }

  operator Service() && { return Service(std::move(plan_)); }
  // Copies the plan, so that a builder in a variable can be run too: `eventy::run(argc, argv, {s})`. Throws
  // std::logic_error if the builder was moved from.
  operator Service() const& { return Service(detail::copy_of(plan_.get())); }

 private:
  template <class M>
  void note_output() {
    using R = typename RecordOf<M>::type;
    plan_->outputs.push_back({R::kind, R::ns, R::name});
  }
  std::unique_ptr<Plan> plan_;
};

#undef EVENTY_HANDLER

// Starts the definition of a service. The name becomes part of topic names: letters, digits, `.`, `_` and
// `-`.
template <class State = NoState>
ServiceOf<State> service(std::string name) {
  detail::check_service_name(name);
  auto plan = std::make_unique<Plan>();
  plan->ns = "urn:" + name;
  plan->name = std::move(name);
  if constexpr (!std::is_same_v<State, NoState>) plan->state = &detail::state_ops<State>;
  return ServiceOf<State>(std::move(plan));
}

}  // namespace eventy
