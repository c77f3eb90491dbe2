// Cases: where a service begins that has no position yet.
#include "driver.hpp"

#include "caf/test/unit_test.hpp"

namespace eventy::conformance {
namespace {

using Values = std::vector<std::string>;

SessionOptions starting(StartPosition start) {
  SessionOptions options = driver_options();
  options.start.common = std::move(start);
  return options;
}

void two_in_one_partition(RecordStore& store) {
  store.ensure_topics({{"in", 2}, {"out", 1}}).value();
  store.append("in", {record("a"), record("b"), record("c", {}, 1)}).value();
}

void starts_at_the_earliest_record(Subject& subject) {
  auto& store = subject.store();
  two_in_one_partition(store);
  Driver driver(store);
  driver.ready(2).read_until(2);
  CAF_CHECK((values_of(driver.read()) == Values{"a", "b"}));
}

void starts_at_the_end(Subject& subject) {
  auto& store = subject.store();
  two_in_one_partition(store);
  Driver driver(store, starting({.at = StartPosition::At::latest}));
  driver.ready(2);
  store.append("in", {record("new"), record("there", {}, 1)}).value();
  driver.read_until(1), driver.read_until(1, 0, 1);
  CAF_CHECK((values_of(driver.read()) == Values{"new"}));
  CAF_CHECK((values_of(driver.read(0, 1)) == Values{"there"}));
}

// Nothing was handled, and yet the later start does not decide anew.
void keeps_where_it_started(Subject& subject) {
  auto& store = subject.store();
  two_in_one_partition(store);
  {
    Driver driver(store, starting({.at = StartPosition::At::latest}));
    driver.ready(2);
  }
  store.append("in", {record("between")}).value();
  {
    Driver driver(store, starting({.at = StartPosition::At::latest}));
    driver.ready(2).read_until(1);
    CAF_CHECK((values_of(driver.read()) == Values{"between"}));
  }
  Driver driver(store, starting({}));
  driver.ready(2).read_until(1);
  CAF_CHECK((values_of(driver.read()) == Values{"between"}));
}

void keeps_that_it_started_at_the_earliest(Subject& subject) {
  auto& store = subject.store();
  two_in_one_partition(store);
  Driver(store).ready(2);
  Driver driver(store, starting({.at = StartPosition::At::latest}));
  driver.ready(2).read_until(2);
  CAF_CHECK((values_of(driver.read()) == Values{"a", "b"}));
}

void starts_at_given_offsets(Subject& subject) {
  auto& store = subject.store();
  two_in_one_partition(store);
  auto options = starting({.at = StartPosition::At::latest});
  options.start.topics["in"] = {.at = StartPosition::At::offsets, .offsets = {Offset{1}, Offset{0}}};
  Driver driver(store, options);
  driver.ready(2).read_until(1), driver.read_until(1, 0, 1);
  CAF_CHECK((values_of(driver.read()) == Values{"b"}));
  CAF_CHECK((values_of(driver.read(0, 1)) == Values{"c"}));
}

// What the session says, where the store opens it or where it is polled.
Error refusal_of(RecordStore& store, const SessionOptions& options) {
  auto session = store.open_session(options);
  if (!session) return session.error();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (auto events = (*session)->poll({}); !events) return events.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {ErrorCode::internal, "it was not refused"};
}

void refuses_offsets_that_are_not_there(Subject& subject) {
  auto& store = subject.store();
  two_in_one_partition(store);
  for (const auto& offsets : {std::vector{Offset{3}, Offset{0}}, std::vector{Offset{0}}}) {
    const auto error = refusal_of(store, starting({.at = StartPosition::At::offsets, .offsets = offsets}));
    CAF_CHECK(error.code == ErrorCode::configuration);
    CAF_MESSAGE(error.message);
    CAF_CHECK(error.message.find("\"in\"") != std::string::npos);
  }
}

void starts_at_a_date(Subject& subject) {
  constexpr std::chrono::milliseconds apart{20};
  auto& store = subject.store();
  two_in_one_partition(store);
  std::this_thread::sleep_for(apart);
  const WallTime date = SystemClock().wall();
  std::this_thread::sleep_for(apart);
  store.append("in", {record("late"), record("later")}).value();
  auto options = starting({.at = StartPosition::At::date, .date = date});
  options.date_of = [&](const std::string& topic, const StoredRecord& r) {
    CAF_CHECK_EQUAL(topic, "in");
    if (r.value == "a") return std::optional<WallTime>();  // it has none
    return std::optional(r.value.starts_with("late") ? date + apart : date - apart);
  };
  Driver driver(store, options);
  driver.ready(2).read_until(2);
  CAF_CHECK((values_of(driver.read()) == Values{"late", "later"}));
  store.append("in", {record("there", {}, 1)}).value();
  driver.read_until(1, 0, 1);
  CAF_CHECK((values_of(driver.read(0, 1)) == Values{"there"}));
}

}  // namespace

std::vector<Case> start_cases() {
  return {
      {"starts_at_the_earliest_record", starts_at_the_earliest_record},
      {"starts_at_the_end", starts_at_the_end},
      {"keeps_where_it_started", keeps_where_it_started},
      {"keeps_that_it_started_at_the_earliest", keeps_that_it_started_at_the_earliest},
      {"starts_at_given_offsets", starts_at_given_offsets},
      {"refuses_offsets_that_are_not_there", refuses_offsets_that_are_not_there},
      {"starts_at_a_date", starts_at_a_date},
  };
}

}  // namespace eventy::conformance
