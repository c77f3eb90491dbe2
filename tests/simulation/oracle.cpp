// The oracle: recomputes from the input topics alone what must be in every other topic and in the states,
// with code of its own.
#include "oracle.hpp"

#include <algorithm>
#include <set>

#include "eventy/testing/plain_format.hpp"
#include "scenario.hpp"
#include "vocabulary.hpp"

namespace eventy::simulation {

namespace {

using Chain = std::pair<std::string, std::uint64_t>;  // what an output names, and its chain
template <class T>
using ByKey = std::map<std::string, std::vector<T>>;

template <class T>
void same(const std::string& what, const ByKey<T>& found, const ByKey<T>& expected, Findings& findings) {
  std::set<std::string> keys;
  for (const auto& entry : found) keys.insert(entry.first);
  for (const auto& entry : expected) keys.insert(entry.first);
  for (const auto& key : keys) {
    const auto of = [&](const ByKey<T>& all) {
      const auto it = all.find(key);
      return it == all.end() ? std::vector<T>{} : it->second;
    };
    findings.equal(what + " of key " + key, of(found), of(expected));
  }
}

std::uint64_t chain_of(const Line& line) {
  return static_cast<std::uint64_t>(line.number("chain").value_or(0));
}

class Oracle {
 public:
  Oracle(testing::SimulatedStore& store, const Script& script, bool calm)
      : store_(store), script_(script), calm_(calm) {
    for (const auto& topic : store.topics().value()) partitions_[topic.name] = topic.partitions;
  }

  std::vector<std::string> judge() {
    web();
    ticks();
    asks();
    answers();
    chained();
    alpha_states();
    beta_states();
    for (const auto& service : {"alpha", "beta"})
      dead_[service].judge(lines_of(store_, std::string(service) + "-dead-letters"), findings_);
    positions();
    return findings_.take();
  }

 private:
  // True if the record reaches the handlers of a service with state; else it is a dead letter.
  bool arrives(const std::string& service, const std::string& topic, const Line& line) {
    if (!line.record) return dead(service, topic, line), false;
    const auto key = line.record->partition_key();
    if (!key || partition_of(*key, partitions_[topic]) != line.partition)
      return dead(service, topic, line), false;
    return true;
  }
  void dead(const std::string& service, const std::string& topic, const Line& line, int at_least = 1,
            int at_most = 1) {
    dead_[service].expect(place_of(topic, line), at_least, at_most);
  }
  bool poison(std::string_view handler, std::optional<std::int64_t> id) const {
    return script_.is_poison(handler, static_cast<std::uint64_t>(id.value_or(0)));
  }

  // What alpha makes of the records from outside.
  void web() {
    ByKey<Chain> chained, kept;
    ByKey<std::int64_t> seen, maybe;
    ByKey<std::string> asked;
    for (const Line& line : lines_of(store_, "web-events")) {
      if (!arrives("alpha", "web-events", line)) continue;
      const auto id = line.number("id");
      const bool readable = id && line.record->version() == "1.0.0";
      const std::string key = line.owner();
      const auto works = [&](std::string_view handler, bool for_sure = true) {
        if (readable && !poison(handler, id)) return true;
        dead("alpha", "web-events", line, for_sure ? 1 : 0);
        return false;
      };
      if (line.is("Noted")) {
        if (works("noted"))
          kept[key].emplace_back(std::to_string(*id), alpha_[key].noted = link(alpha_[key].noted, *id));
        continue;
      }
      if (works("clicked")) {
        chained[key].emplace_back(std::to_string(*id), alpha_[key].clicked = link(alpha_[key].clicked, *id));
        if (simulation::asks(*id)) asked[asked_key(*id)].push_back(key + ' ' + std::to_string(*id));
      }
      if (works("seen")) seen[key].push_back(*id);
      if (works("maybe", calm_)) maybe[key].push_back(*id);
    }
    same("Chained", chains("alpha-events", "Chained"), chained, findings_);
    same("Kept", chains("alpha-events", "Kept"), kept, findings_);
    at_least_once(seen);
    at_most_once(maybe);
    requests(asked);
  }

  ByKey<Chain> chains(const std::string& topic, std::string_view name) {
    ByKey<Chain> all;
    for (const Line& line : lines_of(store_, topic))
      if (line.is(name)) all[line.owner()].emplace_back(std::to_string(*line.number("id")), chain_of(line));
    return all;
  }

  // None missing, in order where they come first, and a repeat is known by its uuid.
  void at_least_once(const ByKey<std::int64_t>& expected) {
    ByKey<std::int64_t> first;
    std::map<std::string, std::map<std::int64_t, std::set<std::string>>> uuids;
    std::map<std::string, std::map<std::int64_t, int>> left;
    for (const Line& line : lines_of(store_, "alpha-events")) {
      if (!line.is("Seen")) continue;
      const std::int64_t id = *line.number("id");
      auto& known = uuids[line.owner()][id];
      if (known.empty()) first[line.owner()].push_back(id);
      known.insert(line.record->uuid());
      ++left[line.owner()][id];
    }
    ByKey<std::int64_t> wanted;
    for (const auto& [key, ids] : expected) {
      for (const auto id : ids) {
        auto& list = wanted[key];
        if (std::find(list.begin(), list.end(), id) == list.end()) list.push_back(id);
        if (--left[key][id] < 0)
          findings_.add("Seen " + std::to_string(id) + " of key " + key + " is missing");
      }
    }
    same("Seen, the first of each,", first, wanted, findings_);
    for (const auto& [key, ids] : uuids)
      for (const auto& [id, known] : ids)
        if (known.size() > 1) findings_.add("a repeat of Seen " + std::to_string(id) + " has a new uuid");
  }

  // None doubled; none missing or out of order either if nothing happened that may cost one: what was written
  // by the last owner of a partition may come late.
  void at_most_once(const ByKey<std::int64_t>& expected) {
    ByKey<std::int64_t> found;
    for (const Line& line : lines_of(store_, "alpha-events"))
      if (line.is("Maybe")) found[line.owner()].push_back(*line.number("id"));
    if (calm_) return same("Maybe", found, expected, findings_);
    for (const auto& [key, ids] : found) {
      std::map<std::int64_t, int> left;
      if (const auto it = expected.find(key); it != expected.end())
        for (const auto id : it->second) ++left[id];
      for (const auto id : ids)
        if (--left[id] < 0) findings_.add("Maybe " + std::to_string(id) + " of key " + key + " is doubled");
    }
  }

  // The requests of different keys may come in any order, those of one key in theirs.
  void requests(const ByKey<std::string>& expected) {
    ByKey<std::string> found, wanted;
    for (const Line& line : lines_of(store_, "beta-requests"))
      if (line.is("Ask")) {
        const std::string from = requester_of(line);
        found[line.owner() + " from " + from].push_back(std::to_string(*line.number("id")));
      }
    for (const auto& [key, asks] : expected)
      for (const auto& ask : asks) {
        const auto blank = ask.find(' ');
        wanted[key + " from " + ask.substr(0, blank)].push_back(ask.substr(blank + 1));
      }
    same("Ask", found, wanted, findings_);
  }

  // The key of alpha that a request came from, as its context keeps it.
  static std::string requester_of(const Line& ask) {
    const auto own = ask.record->context.find("urn:alpha");
    if (own == ask.record->context.end()) return "nobody";
    const auto entry = own->second.find("request:" + ask.record->uuid());
    const auto* key = entry == own->second.end() ? nullptr : std::get_if<std::string>(&entry->second);
    return key ? *key : "nobody";
  }

  void ticks() {
    ByKey<std::int64_t> found, expected;
    for (std::int64_t t = 0; t < script_.ticks; ++t) {
      if (is_bad_line(t)) {
        dead_["alpha"].expect(tick_place(t), 1, 1);
      } else {
        expected[tick_key(t)].push_back(t);
      }
    }
    for (const Line& line : lines_of(store_, "alpha-events")) {
      if (!line.is("Ticked")) continue;
      const std::int64_t id = *line.number("id");
      found[line.owner()].push_back(id);
      if (poison("ticked", id)) {
        dead("alpha", "alpha-events", line);
      } else {
        alpha_[line.owner()].ticked = link(alpha_[line.owner()].ticked, id);
      }
    }
    same("Ticked", found, expected, findings_);
  }

  // What beta makes of its requests: one response each, in order where asker and asked are the same.
  void asks() {
    ByKey<std::string> expected, found;
    std::map<std::string, std::string> pairs;  // request → asked from asker
    for (const Line& line : lines_of(store_, "beta-requests")) {
      if (!line.is("Ask")) continue;
      const auto id = *line.number("id");
      if (poison("ask", id)) {
        dead("beta", "beta-requests", line);
        continue;
      }
      auto& chain = beta_[line.owner()].asks;
      chain = link(chain, id);
      const std::string pair = line.owner() + " from " + requester_of(line);
      pairs[line.record->uuid()] = pair;
      expected[pair].push_back(line.record->uuid() + (is_refused(id) ? " no" : ' ' + std::to_string(chain)));
    }
    for (const Line& line : lines_of(store_, "beta-responses")) {
      const std::string& request = line.record->request_uuid();
      found[pairs.contains(request) ? pairs[request] : "nobody"].push_back(
          request + (line.record->ok() ? ' ' + std::to_string(chain_of(line)) : " no"));
    }
    same("Answer", found, expected, findings_);
  }

  // What alpha makes of the responses: those of keys that live elsewhere go there through alpha-returns.
  void answers() {
    ByKey<Chain> expected, found;
    ByKey<std::string> forwarded, returned;
    for (const Line& line : lines_of(store_, "beta-responses")) {
      const std::string key = line.owner();
      if (partition_of(key, partitions_["alpha-requests"]) != line.partition) {
        forwarded[key].push_back(line.record->uuid());
      } else {
        answer("beta-responses", line, expected);
      }
    }
    for (const Line& line : lines_of(store_, "alpha-returns")) {
      returned[line.owner()].push_back(line.record->uuid());
      answer("alpha-returns", line, expected);
    }
    same("responses in alpha-returns", returned, forwarded, findings_);
    for (const Line& line : lines_of(store_, "alpha-events"))
      if (line.is("Answered")) found[line.owner()].emplace_back(line.text("request"), chain_of(line));
    same("Answered", found, expected, findings_);
  }

  void answer(const std::string& topic, const Line& line, ByKey<Chain>& expected) {
    const std::string& request = line.record->request_uuid();
    if (poison("answered", static_cast<std::int64_t>(link(0, request) >> 1)))
      return dead("alpha", topic, line);
    auto& chain = alpha_[line.owner()].answered;
    chain = link(chain, request);
    chain = line.record->ok() ? link(chain, chain_of(line)) : link(chain, *line.record->error_code());
    expected[line.owner()].emplace_back(request, chain);
  }

  // What beta makes of alpha's events.
  void chained() {
    for (const Line& line : lines_of(store_, "alpha-events")) {
      if (!line.is("Chained")) continue;
      if (poison("chained", line.number("id"))) {
        dead("beta", "alpha-events", line);
      } else {
        beta_[line.owner()].chained = link(beta_[line.owner()].chained, chain_of(line));
      }
    }
  }

  template <class State, class Show>
  void states(const std::string& service, const std::map<std::string, State>& expected, Show show) {
    ByKey<std::string> found, wanted;
    for_each_state<State>(store_, *testing::plain_state_format(), service,
                          [&](PartitionId partition, std::string_view key, const State& state) {
                            const bool home =
                                partition == partition_of(key, partitions_[service + "-requests"]);
                            found[std::string(key)].push_back(show(state) + (home ? "" : ", not at home"));
                          })
        .value();
    for (const auto& [key, state] : expected) wanted[key].push_back(show(state));
    same("state in " + service, found, wanted, findings_);
  }
  void alpha_states() {
    states<Chains>("alpha", alpha_, [](const Chains& s) {
      return std::to_string(s.clicked) + ' ' + std::to_string(s.noted) + ' ' + std::to_string(s.ticked) +
             ' ' + std::to_string(s.answered);
    });
  }
  void beta_states() {
    states<Asked>("beta", beta_,
                  [](const Asked& s) { return std::to_string(s.asks) + ' ' + std::to_string(s.chained); });
  }

  void positions() {
    const std::map<std::string, std::vector<std::string>> inputs{
        {"alpha", {"alpha-requests", "alpha-events", "alpha-returns", "web-events", "beta-responses"}},
        {"beta", {"beta-requests", "alpha-events"}}};
    for (const auto& [service, topics] : inputs)
      for (const auto& topic : topics) {
        std::map<PartitionId, Offset> ends;
        for (const Line& line : lines_of(store_, topic)) ends[line.partition] = {line.offset.value + 1};
        for (const auto& [partition, end] : ends)
          if (store_.position(service, topic, partition).value() < end)
            findings_.add(service + " has not read " + topic + '/' + std::to_string(partition.value) +
                          " to its end");
      }
  }

  testing::SimulatedStore& store_;
  const Script& script_;
  bool calm_;
  std::map<std::string, std::uint32_t> partitions_;
  std::map<std::string, Chains> alpha_;
  std::map<std::string, Asked> beta_;
  std::map<std::string, DeadLetters> dead_;
  Findings findings_;
};

}  // namespace

std::vector<std::string> judge(testing::SimulatedStore& store, const Script& script, bool calm) {
  return Oracle(store, script, calm).judge();
}

}  // namespace eventy::simulation
