// The services that talk to the Python peer; interop_kafka_test.py runs them and judges what both sides say.
#include <fstream>

#include "describe.hpp"
#include "eventy/run.hpp"
#include "vocabulary.hpp"

namespace interop {

namespace {

using eventy::NoState, eventy::Turn;

template <class Message>
Message carry(const Sample& sample) {
  return Message{{sample, describe(sample)}};
}

Seen seen(const Turn<NoState>& turn, std::vector<std::string> lines) {
  const eventy::Meta& m = turn.meta();
  Seen s{.uuid = std::string(m.uuid),
         .name = std::string(m.name),
         .version = std::string(m.version),
         .source = std::string(m.source),
         .correlation_id = std::string(m.correlation_id),
         .date_ms = m.date.time_since_epoch().count(),
         .destination = std::string(m.destination),
         .request_uuid = std::string(m.request_uuid),
         .ok = m.ok,
         .error_code = m.error_code,
         .error_message = std::string(m.error_message.value_or("")),
         .context = describe(turn.context()),
         .lines = std::move(lines)};
  if (turn.has_key()) s.key = std::string(turn.key());
  return s;
}

void sampled(Turn<NoState>& turn, const Sampled& m) {
  const Seen what = seen(turn, describe(m.sample));
  turn.set_context("handled", m.sample.number);
  turn.emit(what);
}

void describe_it(eventy::RequestTurn<NoState, Describe>& turn, const Describe& m) {
  turn.emit(seen(turn, describe(m.sample)));
  if (m.sample.number == to_refuse) return turn.refuse(-7, "no \"\xf0\x9f\x98\x80\"\n");
  turn.set_context("described", m.sample.number);
  const auto& all = samples();
  turn.respond(carry<Described>(all[static_cast<std::size_t>(m.sample.number) % all.size()]));
}

void judged(Turn<NoState>& turn, const eventy::Reply<Judged>& reply) {
  Seen what = seen(turn, reply.ok() ? describe(reply.value().sample) : std::vector<std::string>());
  what.ok = reply.ok();
  if (!reply.ok()) what.error_code = reply.error_code(), what.error_message = reply.error_message();
  turn.emit(what);
}

// One turn, so one transaction.
void bursted(Turn<NoState>& turn, const Bursted& m) {
  for (std::int64_t n = 0; n < m.chunks; ++n) {
    const std::string key = "chunk-" + std::to_string(n);
    turn.emit(Chunk{n, std::string(static_cast<std::size_t>(m.bytes), 'c')}, {.key = key});
  }
}

struct Told {
  std::int64_t offered = 0;
  EVENTY_FIELDS(offered);
};
void offer(eventy::Poll<Told>& poll) {
  const auto& all = samples();
  if (poll.position().offered > 0) return poll.poll_again_after(eventy::Duration(1000));
  for (const Sample& s : all) poll.emit(carry<Offered>(s), "offer-" + std::to_string(s.number));
  for (std::int64_t more = 0; more < 2; ++more) {
    Sample refused = all.back();
    refused.number = to_refuse + more;
    poll.emit(carry<Offered>(refused), "offer-refused");
  }
  poll.advance({static_cast<std::int64_t>(all.size())});
}

eventy::Service without_state() {
  return eventy::service("interop")
      .source<Told>("samples", offer)
      .on(eventy::exactly_once, sampled)
      .on(eventy::exactly_once, describe_it)
      .on(eventy::exactly_once,
          [](Turn<NoState>& turn, const Offered& m) {
            turn.set_context("asked", m.sample.number);
            turn.request(carry<Judge>(m.sample));
          })
      .on(eventy::exactly_once, judged)
      .on(eventy::exactly_once, [](Turn<NoState>& turn, const Keyed& m) { turn.emit(Echoed{{m.n}}); })
      .on(eventy::exactly_once,
          [](eventy::RequestTurn<NoState, Lookup>& turn, const Lookup& m) { turn.respond(Found{{m.n}}); })
      .on(eventy::exactly_once, bursted);
}

struct Tally {
  std::int64_t count = 0, answers = 0;
  EVENTY_FIELDS(count, answers);
};

// Every tenth question goes to another key, so that its answer lands in another key's partition.
eventy::Service with_state() {
  return eventy::service<Tally>("keeper")
      .on(eventy::exactly_once,
          [](Turn<Tally>& turn, const Keyed& m) {
            turn.emit(Kept{m.n, ++turn.edit().count});
            const std::string elsewhere = std::string(turn.key()) + "/elsewhere";
            turn.request(Ask{{m.n}}, {.key = m.n % 10 == 0 ? std::string_view(elsewhere) : turn.key()});
          })
      .on(eventy::exactly_once, [](Turn<Tally>& turn, const eventy::Reply<Answered>& reply) {
        turn.emit(Settled{reply.value().n, ++turn.edit().answers});
      });
}

// Where the partitioner of the topic has the keys.
int write_keys(const eventy::CommandContext& at) {
  const std::string& topic = at.options.text("--topic");
  std::ifstream file(at.options.text("--keys"));
  std::vector<eventy::NewRecord> records;
  for (std::string line; std::getline(file, line);) {
    std::string key;
    for (std::size_t i = 0; i + 1 < line.size(); i += 2)
      key += static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16));
    records.push_back({.key = std::move(key)});
  }
  at.store.ensure_topics({{topic, at.partitions}}).value();
  (void)at.append(topic, std::move(records)).value();
  return 0;
}

}  // namespace

}  // namespace interop

int main(int argc, char** argv) {
  eventy::App app;
  app.services = [](const eventy::Arguments&) {
    return std::vector{interop::without_state(), interop::with_state()};
  };
  app.commands = {{.name = "write-keys",
                   .help = "write a record for each key of a file",
                   .options = {{.name = "--topic", .help = "which is made if it is absent", .required = true},
                               {.name = "--keys", .help = "lines in hexadecimal", .required = true}},
                   .access = eventy::StoreAccess::read_write,
                   .run = interop::write_keys}};
  return eventy::run(argc, argv, std::move(app));
}
