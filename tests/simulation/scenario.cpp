#include "scenario.hpp"

#include <algorithm>

#include "eventy/engine/parking.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/plain_format.hpp"
#include "vocabulary.hpp"

namespace eventy::simulation {

namespace {

using testing::Random;
using testing::SimulationFaults;

std::string uuid_of(Random& chance) {
  std::string uuid(36, '0');
  UuidDeriver("input").derive(std::to_string(chance.next()), 0, std::span<char, 36>(uuid.data(), 36));
  return uuid;
}

// Records from outside: mostly good ones; some twice, some without a key, at a wrong place, of a version that
// nobody reads, or of no format at all.
class Feed {
 public:
  Feed(testing::Simulation& simulation, Random& chance, std::uint32_t partitions)
      : store_(simulation.store()),
        trace_(simulation.trace()),
        chance_(chance),
        partitions_(partitions),
        keys_(chance.between(1, 9)) {}

  void some(std::uint64_t most) {
    std::vector<NewRecord> records;
    for (auto n = chance_.between(1, most); n > 0; --n) {
      records.push_back(one());
      if (chance_.below(25) != 0) continue;
      trace_.fired("input twice");
      records.push_back(NewRecord(records.back()));
    }
    store_.append("web-events", records).value();
  }

 private:
  NewRecord one() {
    const bool note = chance_.below(4) == 0;
    const std::string key = "k" + std::to_string(chance_.below(keys_));
    NewRecord out{.key = key, .partition = partition_of(key, partitions_)};
    Record record(Kind::event, "urn:web", note ? "Noted" : "Clicked", "urn:web");
    record.set_uuid(uuid_of(chance_)).set_correlation_id("web:x:1").set_date({}).set_partition_key(key);
    record.data = {{"id", Value{next_++}}};
    const auto is = [this, odd = chance_.below(100)](std::uint64_t which, std::string_view what) {
      if (odd == which) trace_.fired(what);
      return odd == which;
    };
    if (is(0, "input without a key")) out.key.reset(), record.set_partition_key(std::nullopt);
    if (is(1, "input at a wrong place"))
      out.partition = PartitionId{static_cast<std::uint32_t>(chance_.below(partitions_))};
    if (is(2, "input of a version that nobody reads")) record.set_version("2.0.0");
    if (is(3, "input whose data does not fit")) record.data = {{"id", Value{std::string("no number")}}};
    out.value = is(4, "input that is garbage") ? "garbage" : encode(record, *encoder_);
    return out;
  }

  testing::SimulatedStore& store_;
  testing::Trace& trace_;
  Random& chance_;
  std::uint32_t partitions_;
  std::uint64_t keys_;
  std::int64_t next_ = 0;
  std::unique_ptr<Encoder> encoder_ = testing::plain_serializer()->make_encoder();
};

// A few kinds of faults for each seed, each more or less often, so that every mixture comes up.
SimulationFaults faults_of(Random& chance) {
  const auto maybe = [&](double most) {
    return chance.below(2) == 0 ? 0 : most * static_cast<double>(chance.between(1, 10)) / 10;
  };
  SimulationFaults f;
  f.store = {.short_batches = maybe(0.7),
             .late_answers = maybe(0.4),
             .gaps = maybe(0.3),
             .aborts = maybe(0.2),
             .unknown = maybe(0.2),
             .max_commit_time = Duration(static_cast<int>(maybe(400))),
             .max_restore_time = Duration(static_cast<int>(maybe(500))),
             .max_answer_delay = Duration(50)};
  if (chance.below(6) == 0) return f;  // nobody dies
  f.store.failed_polls = maybe(0.01), f.store.failed_commits = maybe(0.05);
  f.store.failed_appends = maybe(0.01), f.store.failed_writes = maybe(0.03);
  f.store.failed_reads = maybe(0.02), f.store.throws = maybe(0.002);
  f.die_in_call = maybe(0.004), f.die = maybe(0.002), f.freeze = maybe(0.003), f.stop = maybe(0.002);
  f.move_partition = maybe(0.02), f.lose_partition = maybe(0.004), f.crash_task = maybe(0.01),
  f.set_clock = maybe(0.002);
  return f;
}

testing::SimulationOptions options_of(const RunOptions& run, Random& chance) {
  testing::SimulationOptions o{.seed = run.seed};
  o.nodes = static_cast<std::uint32_t>(chance.between(1, 3));
  o.runtime.max_cached_keys = chance.between(1, 12);
  o.runtime.max_records_per_slice = chance.between(1, 40);
  o.bridge.cycle = {.interval = Duration(static_cast<int>(chance.between(0, 200))),
                    .max_bytes = chance.below(3) == 0 ? 2'000 : 1u << 20};
  o.bridge.max_batches_in_flight = chance.between(1, 4);
  o.bridge.hand_over_after = Duration(500);
  o.source_slices_in_flight = chance.between(1, 4);
  if (chance.below(3) == 0)  // so little room that partitions pause for it
    o.runtime.parking = {.records_per_key = chance.between(1, 4), .records = chance.between(2, 10)};
  o.faults = faults_of(chance);
  // Not drawn, so that what is drawn stays the same.
  o.supervision.strategy = static_cast<Strategy>(run.seed % 8 < 2 ? run.seed % 8 + 1 : 0);
  if (run.seed % 5 == 0) o.supervision.restarts.intensity = 3;
  if (run.seed % 10 == 0) {
    o.supervision.restarts.intensity = 1;  // so that services are started again
    o.services = {.strategy = static_cast<Strategy>(run.seed / 10 % 3), .restarts = {.intensity = 2}};
  }
  if (run.seed % 4 == 0) o.idle_check = Duration(200);
  o.hooks = run.hooks, o.listen = run.listen;
  return o;
}

bool is_calm(const std::map<std::string, std::uint64_t, std::less<>>& fired) {
  static constexpr std::string_view costly[] = {"task restarted", "bridge restarted", "revoked", "lost",
                                                "node ",          "gave up"};
  return std::none_of(fired.begin(), fired.end(), [&](const auto& entry) {
    return std::any_of(std::begin(costly), std::end(costly),
                       [&](auto kind) { return entry.first.starts_with(kind); });
  });
}

// Asks for the release of every parked key; false: there is none.
bool release_all(testing::SimulatedStore& store) {
  bool any = false;
  for (const std::string service : {"alpha", "beta"}) {
    const ServiceRuntime runtime(eventy::service<>(service), {.serializer = testing::plain_serializer(),
                                                              .state_format = testing::plain_state_format()});
    for (const auto& key : parked_keys(store, *testing::plain_state_format(), service).value()) {
      any = true;
      release_key(store, runtime, key).value();
    }
  }
  return any;
}

// Asks alpha for states, whoever owns them, and judges the answers: each is a state that was committed.
class Asker {
 public:
  explicit Asker(testing::Simulation& simulation) : simulation_(simulation) {
    simulation_.store().on_change(
        [this](const auto& service, const auto& keyspace, const auto& key, const auto& value) {
          if (service == "alpha" && keyspace == "state" && value) committed_[key].insert(*value);
        });
  }
  ~Asker() {
    simulation_.store().on_change([](const auto&, const auto&, const auto&, const auto&) {});
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  void ask(const std::string& key) {
    std::string question;
    write(encoder_->start(question), GetChains{});
    simulation_.ask("alpha", key, "GetChains", std::move(question),
                    [this, key](Result<std::string> answer) { judge(key, answer); });
  }
  std::vector<std::string> wrong = {};

 private:
  void judge(const std::string& key, const Result<std::string>& answer) {
    if (!answer.ok()) return;  // the store failed
    simulation_.trace().fired("question answered");
    Chains chains;
    read(decoder_->start(*answer), chains, Absent::is_error);
    std::string state, none;
    write_state(detail::state_ops<Chains>, &chains, *encoder_, state);
    const Chains nothing;
    write_state(detail::state_ops<Chains>, &nothing, *encoder_, none);
    if (state != none && !committed_[key].contains(state))
      wrong.push_back("a question about " + key + " was answered by what is not committed");
  }

  testing::Simulation& simulation_;
  std::map<std::string, std::set<std::string>> committed_;
  std::unique_ptr<ValueEncoder> encoder_ = testing::plain_state_format()->make_encoder();
  std::unique_ptr<ValueDecoder> decoder_ = testing::plain_state_format()->make_decoder({});
};

// Until nothing is left to do, with what is parked released over and over: a key may be parked again, and a
// partition may wait for room to park.
std::optional<std::string> settle(testing::Simulation& simulation) {
  std::optional<std::string> unrest;
  for (int tries = 0; tries < 200; ++tries) {
    unrest = simulation.settle({.time = Duration(60'000)});
    if (release_all(simulation.store())) continue;
    if (!unrest) return std::nullopt;
  }
  return unrest.value_or("keys stay parked");
}

}  // namespace

Verdict run(const RunOptions& options) {
  Random chance(options.seed * 2 + 1);  // of what the seed makes; the simulation has its own
  const auto script = std::make_shared<Script>(options.seed);
  testing::Simulation simulation(options_of(options, chance));
  script->simulation = &simulation;
  script->ticks = static_cast<std::int64_t>(chance.below(40));
  const auto partitions = static_cast<std::uint32_t>(chance.between(1, 4));
  simulation.store()
      .ensure_topics(
          {{"web-events", partitions}, {"beta-responses", static_cast<std::uint32_t>(chance.between(1, 4))}})
      .value();
  simulation.add(alpha(script), partitions);
  simulation.add(beta(script), partitions);

  Feed feed(simulation, chance, partitions);
  Asker asker(simulation);
  for (auto part = chance.between(3, 8); part > 0; --part) {
    feed.some(20);
    simulation.run(chance.between(20, 300));
    for (auto questions = chance.below(4); questions > 0; --questions)
      asker.ask("k" + std::to_string(chance.below(9)));
  }
  simulation.heal();
  script->healed = true;
  const auto unrest = settle(simulation);

  Verdict verdict{.trace_hash = simulation.trace().hash(), .fired = simulation.trace().fired()};
  if (is_calm(verdict.fired)) verdict.fired["a run without any loss"] = 1;
  verdict.wrong = script->broken;
  verdict.wrong.insert(verdict.wrong.end(), asker.wrong.begin(), asker.wrong.end());
  for (const auto& fired : verdict.fired)
    if (fired.first.starts_with(testing::defect)) verdict.wrong.push_back(fired.first);
  if (unrest) {
    verdict.wrong.push_back("it does not converge: " + *unrest);
  } else {
    const auto found = judge(simulation.store(), *script, is_calm(verdict.fired));
    verdict.wrong.insert(verdict.wrong.end(), found.begin(), found.end());
  }
  script->simulation = nullptr;
  return verdict;
}

}  // namespace eventy::simulation
