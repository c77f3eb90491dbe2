// A node for the campaigns of faults, on any store: services that count the events `Given` of each key, one
// for each guarantee, and the flights of the example. What they meet is told by files in a folder:
//
//   outage   while it is there the dependency of `exact` and `least` is down: their partitions pause
//   hungry   while it is there `exact` asks for more memory than there is
//   mended   while it is there the poisoned records can be handled
//   full     while it is there the input of `source` ends
//
// Beside them `strange` emits events that nobody can handle well, and `odd` handles them.
//
//   troubled_node run --services source,exact,least,most,flights --troubles FOLDER --input CSV --rate 400
//   troubled_node release --service exact      asks for the release of all its parked keys, and counts them
//   troubled_node parked --service exact       counts them
//   troubled_node dump                         all records, positions and states of these services, as
//                                               lines of JSON
//   troubled_node report                        what the flights have come to
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <set>

#include "counted_records.hpp"
#include "eventy/engine/parking.hpp"
#include "eventy/run.hpp"
#include "examples/flights/report.hpp"
#include "examples/flights/services.hpp"

namespace {

using namespace eventy::tests;

struct Fed {  // the position of the source
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

struct Odd {  // what its handler does about it
  std::int64_t n = 0;
  std::string kind;
  EVENTY_FIELDS(n, kind);
  using record = eventy::Event<"urn:strange", "Odd", "1.0.0">;
};
struct Borne {  // an odd event was handled after all
  std::int64_t n = 0;
  std::string text;
  EVENTY_FIELDS(n, text);
  using record = eventy::Event<"urn:odd", "Borne", "1.0.0">;
};
struct Pad {
  std::string text;
  EVENTY_FIELDS(text);
};

struct Poison : std::runtime_error {
  using runtime_error::runtime_error;
};
struct Rotten : std::runtime_error {
  using runtime_error::runtime_error;
};
struct Down : std::runtime_error {
  using runtime_error::runtime_error;
};

// What goes wrong in a handler, by the key and the number of its record. Any thread's.
class Troubles {
 public:
  Troubles(std::string folder, std::int64_t keys) : folder_(std::move(folder)), keys_(keys) {}

  bool tells(const char* name) const { return ::access((folder_ + "/" + name).c_str(), F_OK) == 0; }
  void check_for_rot(std::string_view key, std::int64_t n) const {
    if (key == "key-11" && n / keys_ % 5 == 2) throw Rotten("cannot be eaten");
  }
  void meet(std::string_view key, std::int64_t n) const {
    if (tells("outage")) throw Down("the dependency is down");
    check_for_rot(key, n);
    if ((key == "key-7" || key == "key-8") && n / keys_ % 7 == 3 && !tells("mended"))
      throw Poison("not before it is mended");
  }
  void eat() const {
    if (!tells("hungry")) return;
    const std::unique_ptr<volatile char[]> food(new volatile char[std::size_t{1} << 30]);
    food[0] = 1;  // else the compiler would leave it out
  }
  eventy::FailurePolicies policies() const {
    return eventy::FailurePolicies()
        .of<Poison>(
            {.retry = {.times = 2, .first = eventy::Duration(10)}, .then = eventy::FinalAction::park_key})
        .of<Down>(
            {.then = eventy::FinalAction::pause_partition,
             .probe = {.interval = eventy::Duration(100), .check = [this] { return !tells("outage"); }}})
        .of<Rotten>({.then = eventy::FinalAction::dead_letter});
  }

 private:
  std::string folder_;
  std::int64_t keys_;
};

// --- the services ---

// Numbers at a rate, from where the last life came to.
eventy::Service source(const Troubles& troubles, std::int64_t rate, std::int64_t keys) {
  struct Begin {
    std::once_flag once = {};
    std::chrono::steady_clock::time_point at = {};
    std::int64_t n = 0;
  };
  return eventy::service<>("source").source<Fed>(
      "load", [&troubles, rate, keys, begin = std::make_shared<Begin>()](eventy::Poll<Fed>& poll) {
        Fed fed = poll.position();
        const auto now = std::chrono::steady_clock::now();
        std::call_once(begin->once, [&] { begin->at = now, begin->n = fed.n; });
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin->at).count();
        const std::int64_t most = fed.n + static_cast<std::int64_t>(poll.max_records());
        const std::int64_t due = std::min(begin->n + ms * rate / 1000, most);
        if (fed.n >= due || troubles.tells("full")) return poll.poll_again_after(eventy::Duration(5));
        for (; fed.n < due; ++fed.n) poll.emit(Given{fed.n}, "key-" + std::to_string(fed.n % keys));
        poll.advance(fed);
      });
}

// With a bug on purpose it counts in the memory of the process, which a restart forgets and an abort does not
// undo.
eventy::Service exact(const Troubles& troubles, bool is_broken = false) {
  struct Memory {
    std::mutex mutex = {};
    std::map<std::string, std::int64_t> counts = {};
  };
  return eventy::service<Tally>("exact").on(
      eventy::exactly_once,
      [&troubles, is_broken, memory = std::make_shared<Memory>()](eventy::Turn<Tally>& turn,
                                                                  const Given& given) {
        Tally& tally = turn.edit();
        tally.sum += given.n;
        ++tally.count;
        if (is_broken) {
          const std::scoped_lock lock(memory->mutex);
          tally.count = ++memory->counts[std::string(turn.key())];
        }
        turn.emit(Counted{given.n, tally.count});
        troubles.eat();
        troubles.meet(turn.key(), given.n);  // after its effects: they are to be undone
      },
      troubles.policies());
}

eventy::Service least(const Troubles& troubles) {
  return eventy::service<>("least").on(
      eventy::at_least_once,
      [&troubles](eventy::Turn<eventy::NoState>& turn, const Given& given) {
        turn.emit(SeenAtLeastOnce{given.n});
        troubles.meet(turn.key(), given.n);
      },
      troubles.policies());
}

eventy::Service most(const Troubles& troubles) {
  return eventy::service<>("most").on(eventy::at_most_once,
                                      [&troubles](eventy::StatelessTurn& turn, const Given& given) {
                                        turn.emit(SeenAtMostOnce{given.n});
                                        troubles.check_for_rot(turn.key(), given.n);
                                      });
}

// One odd event after the other, each kind in its turn, with keys that no terminal should see.
eventy::Service strange(const Troubles& troubles) {
  static constexpr const char* kinds[] = {"fine", "output", "state", "text"};
  return eventy::service<>("strange").source<Fed>("oddities", [&troubles](eventy::Poll<Fed>& poll) {
    Fed fed = poll.position();
    if (troubles.tells("full")) return poll.poll_again_after(eventy::Duration(5));
    poll.emit(Odd{fed.n, kinds[fed.n % 4]},
              "odd-" + std::to_string(fed.n % 5) + "\x1b[2J\n2026 critical: forged");
    ++fed.n;
    poll.advance(fed);
    poll.poll_again_after(eventy::Duration(50));
  });
}

// Exactly once, with a state and outputs that stores refuse for their size, and errors whose text is hostile.
eventy::Service odd() {
  constexpr std::size_t much = 3u << 20;
  return eventy::service<Pad>("odd").on(eventy::exactly_once, [](eventy::Turn<Pad>& turn, const Odd& odd) {
    turn.edit().text = odd.kind;
    if (odd.kind == "state") turn.edit().text.assign(much, 's');
    turn.emit(Borne{odd.n, odd.kind == "output" ? std::string(much, 'o') : odd.kind});
    if (odd.kind == "text")
      throw std::runtime_error("\x1b[31m\n2026 critical: forged " + std::string(much, 't'));
  });
}

void add(std::vector<eventy::Service>& services, const std::string& name, const eventy::Arguments& arguments,
         const Troubles& troubles) {
  if (name == "source")
    services.push_back(source(troubles, static_cast<std::int64_t>(arguments.number("--rate", 1)),
                              static_cast<std::int64_t>(arguments.number("--keys", 1))));
  else if (name == "exact")
    services.push_back(exact(troubles, arguments.given("--broken")));
  else if (name == "least")
    services.push_back(least(troubles));
  else if (name == "most")
    services.push_back(most(troubles));
  else if (name == "strange")
    services.push_back(strange(troubles));
  else if (name == "odd")
    services.push_back(odd());
  else if (name == "flights")
    for (auto& s : {flights::flights_service(arguments.text("--input"), arguments.number("--rows", 1)),
                    flights::aircraft_service(), flights::desk_service(), flights::carriers_service()})
      services.push_back(s);
  else
    throw eventy::Failure({eventy::ErrorCode::invalid_argument, "no service " + name});
}

std::vector<eventy::Service> make(const eventy::Arguments& arguments) {
  // For as long as the process lives: the handlers refer to it.
  static std::unique_ptr<Troubles> troubles;
  troubles = std::make_unique<Troubles>(arguments.text("--troubles"),
                                        static_cast<std::int64_t>(arguments.number("--keys", 1)));
  std::vector<eventy::Service> services;
  for_each_name(arguments.text("--services"),
                [&](const std::string& name) { add(services, name, arguments, *troubles); });
  return services;
}

// --- the commands ---

int parked(const eventy::CommandContext& at, bool release) {
  const std::string& name = at.options.text("--service");
  const auto keys = eventy::parked_keys(at.store, at.state_format, name).value();
  const Troubles none("", 1);
  const eventy::Service service = name == "exact" ? exact(none) : least(none);
  const std::shared_ptr<const eventy::Serializer> serializer(std::shared_ptr<void>(), &at.serializer);
  const std::shared_ptr<const eventy::StateFormat> state_format(std::shared_ptr<void>(), &at.state_format);
  const eventy::ServiceRuntime runtime(service, {.serializer = serializer, .state_format = state_format});
  std::uint64_t records = 0;
  for (const auto& key : keys) {
    records += key.records;
    if (release) eventy::release_key(at.store, runtime, key).value();
  }
  fmt::print("{{\"keys\":{},\"records\":{}}}\n", keys.size(), records);
  return 0;
}

std::string hex(std::string_view bytes) {
  std::string text = "\"";
  for (const unsigned char c : bytes) text += fmt::format("{:02x}", c);
  return text + '"';
}

void dump_log(eventy::RecordStore& store, const std::string& topic, eventy::PartitionId partition) {
  const auto reader = store.read(topic, partition, {0}).value();
  for (auto batch = reader->next({}).value(); !batch->records.empty(); batch = reader->next({}).value()) {
    for (const auto& r : batch->records) {
      std::string headers;
      for (std::uint32_t h = r.first_header; h < r.first_header + r.headers; ++h)
        headers += fmt::format("{}\"{}\":{}", headers.empty() ? "" : ",", batch->headers[h].name,
                               hex(batch->headers[h].value));
      fmt::print(
          "{{\"is\":\"record\",\"topic\":\"{}\",\"partition\":{},\"offset\":{},\"key\":{},\"value\":{},"
          "\"headers\":{{{}}}}}\n",
          topic, partition.value, r.offset.value, r.key ? hex(*r.key) : "null", hex(r.value), headers);
    }
  }
}

int dump(const eventy::CommandContext& at) {
  static const std::set<std::string> judged{"source", "exact", "least", "most", "strange", "odd"};
  for (const auto& topic : at.store.topics().value()) {
    if (!judged.contains(topic.name.substr(0, topic.name.find('-')))) continue;
    for (std::uint32_t p = 0; p < topic.partitions; ++p) dump_log(at.store, topic.name, {p});
  }
  for (std::uint32_t p = 0; p < at.partitions; ++p) {
    fmt::print("{{\"is\":\"end\",\"partition\":{},\"offset\":{}}}\n", p,
               at.store.end_of("source-events", {p}).value().value);
    for (const char* service : {"exact", "least", "most"})
      fmt::print("{{\"is\":\"position\",\"service\":\"{}\",\"partition\":{},\"offset\":{}}}\n", service, p,
                 at.store.position(service, "source-events", {p}).value().value);
  }
  const auto visit = [](eventy::PartitionId, std::string_view key, std::string_view value) {
    fmt::print("{{\"is\":\"state\",\"key\":{},\"value\":{}}}\n", hex(key), hex(value));
    return true;
  };
  at.store.scan("exact", "state", visit).value();
  return 0;
}

int report(const eventy::CommandContext& at) {
  fmt::print("{}\n", flights::as_json(flights::read_report(at.store, at.state_format).value()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const eventy::Option service{.name = "--service", .help = "exact or least", .default_value = "exact"};
  eventy::App app;
  app.description = "Counts events, and meets troubles";
  app.options = {{.name = "--services",
                  .help = "some of source, exact, least, most, flights, strange, odd",
                  .required = true},
                 {.name = "--troubles", .help = "the folder that tells of them", .required = true},
                 {.name = "--input", .help = "of the flights", .default_value = ""},
                 {.name = "--rows", .help = "of the flights' input, at a poll", .default_value = "1"},
                 {.name = "--rate", .help = "of the source, records a second", .default_value = "400"},
                 {.name = "--keys", .help = "of the input", .default_value = "60"},
                 {.name = "--broken", .help = "with a bug", .takes = eventy::Option::Takes::nothing}};
  app.services = make;
  app.commands = {{.name = "release",
                   .help = "release parked keys",
                   .options = {service},
                   .access = eventy::StoreAccess::read_write,
                   .run = [](const eventy::CommandContext& at) { return parked(at, true); }},
                  {.name = "parked",
                   .help = "count parked keys",
                   .options = {service},
                   .run = [](const eventy::CommandContext& at) { return parked(at, false); }},
                  {.name = "dump", .help = "print what is committed", .run = dump},
                  {.name = "report", .help = "print the flights' result", .run = report}};
  return eventy::run(argc, argv, std::move(app));
}
