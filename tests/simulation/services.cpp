// The services of a simulation, and how they misbehave.
#include <new>

#include "script.hpp"
#include "vocabulary.hpp"

namespace eventy::simulation {

Script::Act Script::act(std::string_view handler, std::uint64_t id) const {
  const std::uint64_t drawn = link(link(seed_, handler), id) % 1000;
  if (drawn < 30) return Act::poison;
  if (drawn < 80) return handler == "maybe" ? Act::poison : Act::fails_a_few_times;  // it gets one try
  if (drawn < 90) return handler == "maybe" ? Act::poison : Act::out_of_memory;
  if (drawn < 120) return Act::slow;
  if (drawn < 123) return Act::stuck;
  if (handler == "maybe" || handler == "source") return Act::works;
  if (drawn < 135) return Act::parks_its_key;
  if (drawn < 140) return Act::pauses;
  if (drawn < 142) return Act::stops_the_process;
  return Act::works;
}

void Script::play(std::string_view handler, std::uint64_t id, std::string_view input) {
  auto& trace = simulation->trace();
  Act what = act(handler, id);
  if (what == Act::works) return;
  if (what == Act::poison && handler == "source") what = Act::fails_a_few_times;  // or it would never end
  if (what == Act::slow || what == Act::stuck) {
    trace.fired(what == Act::slow ? "slow handler" : "stuck handler");
    return simulation->spend(what == Act::slow ? Duration(10 + id % 400) : Duration(30'000));
  }
  if (what == Act::poison) {
    trace.fired("poison");
    throw Poison("cannot be handled");
  }
  if (what == Act::parks_its_key && !healed) {
    trace.fired("key parked");
    throw Blocked("its key is blocked");
  }
  if (what == Act::pauses && !healed) {
    trace.fired("partition paused");
    throw Down("what it needs is down");
  }
  fail_a_few_times(what, id, handler, input);
}

void Script::fail_a_few_times(Act what, std::uint64_t id, std::string_view handler, std::string_view input) {
  int& failures = failures_[{std::string(handler), std::string(input)}];
  if (failures >= static_cast<int>(1 + id % 3)) return;
  if (what == Act::parks_its_key || what == Act::pauses) return;
  ++failures;
  if (what == Act::out_of_memory) {
    simulation->trace().fired("out of memory");
    throw std::bad_alloc();
  }
  if (what == Act::stops_the_process) {
    simulation->trace().fired("process stopped by a policy");
    throw Fatal("this process must end");
  }
  if (handler == "source" && id % 2 == 1) {
    simulation->trace().fired("source threw no exception");
    throw 42;
  }
  simulation->trace().fired("handler failed, and may be tried again");
  throw Busy("not now");
}

void Script::runs_at_most_once(const Meta& meta, std::string_view service) {
  const auto committed =
      simulation->store().position(std::string(service), std::string(meta.topic), meta.partition).value();
  if (committed <= meta.offset)
    broken.push_back(
        "an at-most-once handler ran before its position was committed: " + std::string(meta.topic) + '/' +
        std::to_string(meta.partition.value) + '@' + std::to_string(meta.offset.value));
}

namespace {

const FailurePolicy patient{.retry = {.times = 4, .first = Duration(20), .max = Duration(2'000)}};
const FailurePolicy parking{.retry = {.times = 1, .first = Duration(1'500)}, .then = FinalAction::park_key};
const FailurePolicy pausing{.then = FinalAction::pause_partition, .probe = {.interval = Duration(1'200)}};
const FailurePolicy stopping{.then = FinalAction::stop};

template <class Builder>
Service with_policies(Builder builder) {
  return std::move(builder)
      .template on_failure<Busy>(patient)
      .template on_failure<std::bad_alloc>(patient)
      .template on_failure<Blocked>(parking)
      .template on_failure<Down>(pausing)
      .template on_failure<Fatal>(stopping);
}

void poll(Poll<TickPosition>& poll, Script& script) {
  std::int64_t next = poll.position().next;
  if (next >= script.ticks) return poll.poll_again_after(Duration(100));
  script.play("source", static_cast<std::uint64_t>(next), tick_place(next));
  for (int i = 0; i < 3 && next < script.ticks; ++i, ++next) {
    if (is_bad_line(next)) {
      poll.dead_letter(tick_place(next), "cannot be read", "bad");
    } else {
      poll.emit(Ticked{next}, tick_key(next));
    }
  }
  poll.advance({next});
}

}  // namespace

Service alpha(std::shared_ptr<Script> script) {
  const auto play = [script](std::string_view handler, std::int64_t id, const Meta& meta) {
    script->play(handler, static_cast<std::uint64_t>(id), meta.uuid);
  };
  return with_policies(
      service<Chains>("alpha")
          .on(exactly_once,
              [play](Turn<Chains>& turn, const Clicked& c) {
                auto& chain = turn.edit().clicked;
                chain = link(chain, c.id);
                turn.emit(Chained{c.id, chain});
                play("clicked", c.id, turn.meta());
                if (asks(c.id)) turn.request(Ask{c.id}, {.key = asked_key(c.id)});
              })
          .on(at_least_once,
              [play](Turn<Chains>& turn, const Clicked& c) {
                turn.emit(Seen{c.id});
                play("seen", c.id, turn.meta());
              })
          .on(at_most_once,
              [play, script](StatelessTurn& turn, const Clicked& c) {
                script->runs_at_most_once(turn.meta(), "alpha");
                turn.emit(Maybe{c.id});
                play("maybe", c.id, turn.meta());
              })
          .on(at_least_once,
              [play](Turn<Chains>& turn, const Noted& n) {
                auto& chain = turn.edit().noted;
                chain = link(chain, n.id);
                turn.emit(Kept{n.id, chain});
                play("noted", n.id, turn.meta());
              })
          .on(exactly_once,
              [play](Turn<Chains>& turn, const Ticked& t) {
                play("ticked", t.id, turn.meta());
                auto& chain = turn.edit().ticked;
                chain = link(chain, t.id);
              })
          .on(exactly_once,
              [play](Turn<Chains>& turn, const Reply<Answer>& reply) {
                auto& chain = turn.edit().answered;
                chain = link(chain, turn.meta().request_uuid);
                chain = reply.ok() ? link(chain, reply.value().chain) : link(chain, *reply.error_code());
                turn.emit(Answered{std::string(turn.meta().request_uuid), chain});
                play("answered", static_cast<std::int64_t>(link(0, turn.meta().request_uuid) >> 1),
                     turn.meta());
              })
          .answer<GetChains>([](const Chains* c, const GetChains&) { return c ? *c : Chains{}; })
          .source<TickPosition>("ticks", [script](Poll<TickPosition>& one) { poll(one, *script); }));
}

Service beta(std::shared_ptr<Script> script) {
  const auto play = [script](std::string_view handler, std::int64_t id, const Meta& meta) {
    script->play(handler, static_cast<std::uint64_t>(id), meta.uuid);
  };
  return with_policies(
      service<Asked>("beta")
          .on(exactly_once,
              [play](RequestTurn<Asked, Ask>& turn, const Ask& a) {
                auto& chain = turn.edit().asks;
                chain = link(chain, a.id);
                play("ask", a.id, turn.meta());
                is_refused(a.id) ? turn.refuse(a.id, "no") : turn.respond(Answer{a.id, chain});
              })
          .on(exactly_once, [play](Turn<Asked>& turn, const Chained& c) {
            play("chained", c.id, turn.meta());
            auto& chain = turn.edit().chained;
            chain = link(chain, c.chain);
          }));
}

}  // namespace eventy::simulation
