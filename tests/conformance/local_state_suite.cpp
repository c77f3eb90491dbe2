#include "local_state_suite.hpp"

#include "caf/test/unit_test.hpp"

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace eventy::conformance {
namespace {

using Copy = std::unique_ptr<LocalState>;
using Changes = std::vector<std::pair<std::string, std::optional<std::string>>>;
using Values = std::map<std::string, std::string>;

Copy open(LocalStateSubject& subject, const std::string& service = "counter", std::uint32_t partition = 0) {
  return subject.open()(service, PartitionId{partition}).value();
}
LogPosition at(std::int64_t next) {
  return {.next = Offset{next}, .log = std::string("log\0one", 7), .synced = Instant(Duration(next * 1000))};
}
void apply(LocalState& copy, const Changes& changes, const LogPosition& place) {
  std::vector<LocalState::Change> views;
  for (const auto& [key, value] : changes)
    views.emplace_back(key, value ? std::optional<std::string_view>(*value) : std::nullopt);
  copy.apply(views, place).value();
}
std::optional<std::string> get(const LocalState& copy, const std::string& key) {
  return copy.get(key).value();
}

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("EVENTY_TEST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  CAF_MESSAGE("EVENTY_TEST_SEED=" << seed);
  return seed;
}

void a_new_copy_is_empty_and_at_no_place(LocalStateSubject& subject) {
  const auto copy = open(subject);
  CAF_CHECK(copy->place().value() == LogPosition{});
  CAF_CHECK(!get(*copy, ""));
  CAF_CHECK(!get(*copy, "key"));
}

void keys_and_values_may_be_any_bytes(LocalStateSubject& subject) {
  const auto copy = open(subject);
  const std::vector<std::string> odd = {"",   std::string(1, '\0'),   "p",        "k",
                                        "kk", std::string(3, '\xff'), "\xc3\x28", std::string(60'000, 'x')};
  Changes changes;
  for (const auto& key : odd) changes.emplace_back(key, "value of " + key);
  changes.emplace_back("empty", "");
  apply(*copy, changes, at(1));
  for (const auto& key : odd) CAF_CHECK(get(*copy, key) == "value of " + key);
  CAF_CHECK(get(*copy, "empty") == "");
  CAF_CHECK(copy->place().value() == at(1));
}

void the_last_change_of_a_key_counts(LocalStateSubject& subject) {
  const auto copy = open(subject);
  apply(*copy, {{"a", "1"}, {"b", "1"}, {"a", std::nullopt}, {"c", "1"}, {"b", std::nullopt}, {"b", "2"}},
        at(6));
  CAF_CHECK(!get(*copy, "a"));
  CAF_CHECK(get(*copy, "b") == "2");
  apply(*copy, {{"c", std::nullopt}, {"never there", std::nullopt}}, at(8));
  CAF_CHECK(!get(*copy, "c"));
}

void the_place_moves_with_every_apply(LocalStateSubject& subject) {
  const auto copy = open(subject);
  apply(*copy, {{"a", "1"}}, at(7));
  CAF_CHECK(copy->place().value() == at(7));
  apply(*copy, {}, at(9));  // nothing but transaction markers was in the log
  CAF_CHECK(copy->place().value() == at(9));
  CAF_CHECK(get(*copy, "a") == "1");
}

void clear_forgets_the_keys_and_the_place(LocalStateSubject& subject) {
  const auto copy = open(subject);
  apply(*copy, {{"a", "1"}, {"b", "1"}}, at(2));
  copy->clear().value();
  CAF_CHECK(!get(*copy, "a"));
  CAF_CHECK(copy->place().value() == LogPosition{});
  apply(*copy, {{"b", "2"}}, at(1));
  CAF_CHECK(!get(*copy, "a"));
  CAF_CHECK(get(*copy, "b") == "2");
  CAF_CHECK(copy->place().value() == at(1));
}

void copies_are_apart(LocalStateSubject& subject) {
  std::vector<std::string> services;
  for (const char* name : {"a", "A", "a.b", "a/b", "a%2Fb", "..", "", "lock"}) services.emplace_back(name);
  for (const char* end : {"", "m"}) services.push_back(std::string(240, 'n') + end);
  std::vector<Copy> copies;
  for (const auto& service : services)
    for (std::uint32_t p : {0u, 1u, 11u}) copies.push_back(open(subject, service, p));
  for (std::size_t i = 0; i < copies.size(); ++i)
    apply(*copies[i], {{"who", std::to_string(i)}}, at(static_cast<std::int64_t>(i)));
  for (std::size_t i = 0; i < copies.size(); ++i) {
    CAF_CHECK(get(*copies[i], "who") == std::to_string(i));
    CAF_CHECK(copies[i]->place().value() == at(static_cast<std::int64_t>(i)));
  }
}

// A partition that is lost and comes back, while somebody still holds what it was.
void what_an_earlier_owner_does_is_not_seen_by_a_later_one(LocalStateSubject& subject) {
  const auto earlier = open(subject);
  apply(*earlier, {{"a", "1"}}, at(1));
  const auto later = open(subject);
  later->clear().value();
  apply(*later, {{"a", "2"}}, at(2));
  apply(*earlier, {{"a", "old"}, {"b", "old"}}, at(1));
  earlier->clear().value();
  CAF_CHECK(get(*later, "a") == "2");
  CAF_CHECK(!get(*later, "b"));
  CAF_CHECK(later->place().value() == at(2));
  CAF_CHECK(earlier->get("a").ok());
}

void can_be_read_while_it_is_written(LocalStateSubject& subject) {
  constexpr int keys = 50, rounds = 400, readers = 3;
  const auto copy = open(subject);
  std::atomic<bool> done = false;
  std::atomic<int> went_back = 0, reads = 0;
  std::vector<std::thread> threads;
  for (int r = 0; r < readers; ++r)
    threads.emplace_back([&, r] {
      std::map<std::string, int> seen;
      for (int i = r; !done || i < r + 2 * keys; ++i) {
        const std::string key = "key " + std::to_string(i % keys);
        const auto value = get(*copy, key);
        const int now = value ? std::stoi(*value) : 0;
        if (now < seen[key]) ++went_back;
        seen[key] = now, ++reads;
      }
    });
  for (int round = 1; round <= rounds; ++round) {
    Changes changes;
    for (int k = 0; k < keys; ++k)
      changes.emplace_back("key " + std::to_string(k), std::to_string(round) + std::string(100, ' '));
    apply(*copy, changes, at(round));
  }
  done = true;
  for (auto& thread : threads) thread.join();
  CAF_CHECK_EQUAL(went_back.load(), 0);
  CAF_CHECK(reads.load() >= readers * 2 * keys);
  for (int k = 0; k < keys; ++k) CAF_CHECK_EQUAL(std::stoi(*get(*copy, "key " + std::to_string(k))), rounds);
}

void survives_a_restart(LocalStateSubject& subject) {
  auto copy = open(subject);
  apply(*copy, {{"a", "1"}, {"b", "1"}}, at(2));
  apply(*copy, {{"a", std::nullopt}}, at(3));
  copy.reset();
  for (int again = 0; again < 2; ++again) {
    copy = open(subject);
    CAF_CHECK(copy->place().value() == at(3));
    CAF_CHECK(!get(*copy, "a"));
    CAF_CHECK(get(*copy, "b") == "1");
    copy.reset();
    subject.restart();
  }
}

void opens_again_while_an_earlier_owner_holds_on_to_it(LocalStateSubject& subject) {
  const auto earlier = open(subject);
  apply(*earlier, {{"a", "1"}}, at(1));
  const auto later = open(subject);
  CAF_CHECK(later->place().value() == at(1));
  apply(*later, {{"a", "2"}}, at(2));
  CAF_CHECK(get(*earlier, "a") == "2");
}

void ends_with_its_owner(LocalStateSubject& subject) {
  const auto kept = open(subject);
  apply(*kept, {{"a", "1"}}, at(1));
  subject.restart();
  CAF_CHECK(kept->get("a").error().code == ErrorCode::closed);
  CAF_CHECK(kept->apply({}, at(2)).error().code == ErrorCode::closed);
  CAF_CHECK(get(*open(subject), "a") == "1");
}

// What a model and the copy hold, with batches of all sizes.
class Random {
 public:
  Random(LocalStateSubject& subject, bool restarts)
      : subject_(subject), restarts_(restarts), chance_(seed_of_this_run()), copy_(open(subject)) {}
  void run() {
    for (int step = 1; step <= 300; ++step) {
      const int what = number(100);
      if (what == 0) {
        copy_->clear().value(), model_.clear(), place_ = {};
      } else if (what < 4 && restarts_) {
        if (number(2)) copy_.reset(), subject_.restart();
        copy_ = open(subject_);
      } else {
        change(step, what < 10 ? 3000 : 20);
      }
      if (step % 20 == 0) compare();
    }
    compare();
  }

 private:
  int number(int below) { return static_cast<int>(chance_() % static_cast<std::uint64_t>(below)); }
  std::string key() { return "key " + std::to_string(number(5000)); }
  void change(int step, int most) {
    Changes changes;
    for (int i = number(most); i > 0; --i) {
      const auto k = key();
      if (number(4)) {
        changes.emplace_back(k,
                             std::string(static_cast<std::size_t>(number(200)), 'a') + std::to_string(step));
        model_[k] = *changes.back().second;
      } else {
        changes.emplace_back(k, std::nullopt);
        model_.erase(k);
      }
    }
    place_ = at(step);
    apply(*copy_, changes, place_);
  }
  void compare() {
    CAF_CHECK(copy_->place().value() == place_);
    int wrong = 0;
    for (int k = 0; k < 5000; ++k) {
      const auto it = model_.find("key " + std::to_string(k));
      const auto value = get(*copy_, "key " + std::to_string(k));
      wrong += it == model_.end() ? value.has_value() : value != it->second;
    }
    CAF_CHECK_EQUAL(wrong, 0);
  }

  LocalStateSubject& subject_;
  bool restarts_;
  std::mt19937_64 chance_;
  Copy copy_;
  Values model_ = {};
  LogPosition place_ = {};
};
void agrees_with_a_model(LocalStateSubject& subject) { Random(subject, false).run(); }
void agrees_with_a_model_over_restarts(LocalStateSubject& subject) { Random(subject, true).run(); }

struct LocalStateCase {
  const char* name;
  void (*run)(LocalStateSubject&);
  Survives needs = Survives::nothing;
};
#define EVENTY_CASE(name, ...) \
  LocalStateCase { #name, name, ##__VA_ARGS__ }
const LocalStateCase cases[] = {
    EVENTY_CASE(a_new_copy_is_empty_and_at_no_place),
    EVENTY_CASE(keys_and_values_may_be_any_bytes),
    EVENTY_CASE(the_last_change_of_a_key_counts),
    EVENTY_CASE(the_place_moves_with_every_apply),
    EVENTY_CASE(clear_forgets_the_keys_and_the_place),
    EVENTY_CASE(copies_are_apart),
    EVENTY_CASE(what_an_earlier_owner_does_is_not_seen_by_a_later_one),
    EVENTY_CASE(can_be_read_while_it_is_written),
    EVENTY_CASE(agrees_with_a_model),
    EVENTY_CASE(survives_a_restart, Survives::the_process),
    EVENTY_CASE(opens_again_while_an_earlier_owner_holds_on_to_it, Survives::the_process),
    EVENTY_CASE(ends_with_its_owner, Survives::the_process),
    EVENTY_CASE(agrees_with_a_model_over_restarts, Survives::the_process),
};
#undef EVENTY_CASE

class OneCase final : public caf::test::test {
 public:
  OneCase(const LocalStateCase& which, LocalStateFactory factory)
      : test(which.name, false), run_(which.run), factory_(std::move(factory)) {}
  void run_test_impl() override {
    const auto subject = factory_();
    run_(*subject);
  }

 private:
  void (*run_)(LocalStateSubject&);
  LocalStateFactory factory_;
};

}  // namespace

bool add_local_state_suite(const char* suite, Survives survives, const LocalStateFactory& factory) {
  for (const auto& c : cases)
    if (c.needs == Survives::nothing || survives == Survives::the_process)
      caf::test::engine::add(suite, std::make_unique<OneCase>(c, factory));
  return true;
}

}  // namespace eventy::conformance
