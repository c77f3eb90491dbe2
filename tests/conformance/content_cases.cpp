// Cases: what records, names and states may hold; limits; mistakes of the caller.
#include "driver.hpp"

#include "caf/test/unit_test.hpp"
#include "eventy/core/ids.hpp"

namespace eventy::conformance {
namespace {

using Values = std::vector<std::string>;
const std::string every_byte = [] {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}();

bool fails_with(ErrorCode code, const Result<void>& result) {
  return !result.ok() && result.error().code == code;
}

void carries_big_and_empty_records(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  std::string big(8u << 20, 'x');
  for (std::size_t i = 0; i < big.size(); i += 4096) big[i] = static_cast<char>(i >> 12);
  store.append("in", {record(big, "k"), record("", "k"), record("small", "")}).value();
  Driver driver(store);
  driver.ready().read_until(3);
  CAF_CHECK(driver.read()[0].value == big);
  CAF_CHECK(driver.read()[1].value.empty());
  driver.append(Slice().emit("").emit(big).emit("").set("k", big).set("", "").next(3));
  driver.commit(1);
  CAF_CHECK((values_in(store, "out") == Values{"", big, ""}));
  CAF_CHECK(driver.state("k").value() == big);
  CAF_CHECK(driver.state("").value() == "");
}

void tells_no_key_from_an_empty_one(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  store.append("in", {record("none"), record("empty", "")}).value();
  Driver driver(store);
  driver.ready().read_until(2);
  CAF_CHECK(!driver.read()[0].key);
  CAF_CHECK(driver.read()[1].key == "");
  Slice slice;
  add_output(slice.effects.outputs, 1, 0, std::nullopt, "none");
  add_output(slice.effects.outputs, 1, 0, "", "empty");
  driver.append(slice);
  driver.commit(1);
  auto log = log_of(store, "out");
  CAF_CHECK(!log.at(0).key);
  CAF_CHECK(log.at(1).key == "");
}

void tells_no_value_from_an_empty_one(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  auto tombstone = record("is not written", "k");
  tombstone.tombstone = true;
  tombstone.headers = {{"name", "value"}};
  store.append("in", {tombstone, record("", "k"), tombstone, record("v", "k")}).value();
  Driver driver(store);
  driver.ready().read_until(4);
  const auto check = [](const std::vector<Seen>& all) {
    CAF_REQUIRE_EQUAL(all.size(), 4u);
    for (const std::size_t i : {0u, 2u}) {
      CAF_CHECK(all[i].tombstone);
      CAF_CHECK_EQUAL(all[i].value, "");
      CAF_CHECK_EQUAL(all[i].key.value_or("null"), "k");
    }
    CAF_CHECK(!all[1].tombstone);
    CAF_CHECK_EQUAL(all[1].value, "");
    CAF_CHECK_EQUAL(all[3].value, "v");
  };
  check(driver.read());
  Slice slice;
  auto& outputs = slice.effects.outputs;
  for (const bool is_tombstone : {true, false, true}) {
    add_output(outputs, 1, 0, "k", "");
    outputs.entries.back().tombstone = is_tombstone;
  }
  add_output(outputs, 1, 0, "k", "v");
  driver.append(slice);
  driver.commit(1);
  check(log_of(store, "out"));
  CAF_CHECK(driver.session().write_now(outputs).ok());
  const auto out = log_of(store, "out");
  check({out.begin() + 4, out.end()});
}

void carries_headers(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  const std::vector<std::pair<std::string, std::string>> headers{{"a", "1"}, {"a", ""}, {"", every_byte}};
  auto with = record("v", "k");
  with.headers = headers;
  store.append("in", {with, record("plain"), with}).value();
  Driver driver(store);
  driver.ready().read_until(3);
  CAF_CHECK(driver.read()[0].headers == headers);
  CAF_CHECK(driver.read()[1].headers.empty());
  CAF_CHECK(driver.read()[2].headers == headers);
  Slice slice;
  add_output(slice.effects.outputs, 1, 0, "k", "plain");
  add_output(slice.effects.outputs, 1, 0, "k", "v", headers);
  driver.append(slice);
  driver.commit(1);
  CAF_CHECK(log_of(store, "out").at(0).headers.empty());
  CAF_CHECK(log_of(store, "out").at(1).headers == headers);
}

void names_and_keys_are_arbitrary_bytes(Subject& subject) {
  auto& store = subject.store();
  const bool any = store.features().arbitrary_names;
  const std::string service = any ? every_byte : "every.service";
  SessionOptions options;
  options.service = service;
  options.topics = {any ? every_byte : "A-Z_a-z.0-9", "a", any ? std::string("a\0", 2) : "a.",
                    any ? std::string("a\0b", 3) : "a.b"};
  options.inputs = {TopicIndex{0}, TopicIndex{1}, TopicIndex{2}, TopicIndex{3}};
  options.keyspaces = {every_byte, "k", std::string("k\0", 2)};
  for (const auto& topic : options.topics) {
    store.ensure_topics({{topic, 1}}).value();
    store.append(topic, {record("in " + topic, every_byte)}).value();
  }
  Driver driver(store, options);
  for (std::uint32_t t = 0; t < 4; ++t) driver.ready().read_until(1, t);
  Slice slice;
  for (std::uint32_t t = 0; t < 4; ++t) {
    CAF_CHECK((driver.read(t) == std::vector{Seen{0, every_byte, "in " + options.topics[t], {}}}));
    slice.emit("out " + options.topics[t], 0, t).next(1, t);
  }
  for (std::uint32_t k = 0; k < 3; ++k)
    slice.set(every_byte, "in " + options.keyspaces[k], k).set("", "empty", k);
  driver.append(slice);
  driver.commit(1);
  for (const auto& topic : options.topics) {
    CAF_CHECK((values_in(store, topic) == Values{"in " + topic, "out " + topic}));
    CAF_CHECK_EQUAL(position_of(store, service, topic, 0), 1);
  }
  for (const auto& keyspace : options.keyspaces)
    CAF_CHECK((states_of(store, service, keyspace) ==
               States{{{0, every_byte}, "in " + keyspace}, {{0, ""}, "empty"}}));
  if (!any) {
    const auto refused = store.ensure_topics({{"a/b", 1}});
    CAF_CHECK(!refused.ok() && refused.error().code == ErrorCode::invalid_argument);
    CAF_CHECK(!refused.ok() && refused.error().message.find("a/b") != std::string::npos);
  }
}

void keeps_services_and_partitions_apart(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 2}, {"out", 2}}).value();
  store.append("in", {record("a", {}, 0), record("b", {}, 1)}).value();
  Driver one(store, driver_options("one")), two(store, driver_options("two"));
  for (Driver* driver : {&one, &two}) {
    driver->ready(2).read_until(1, 0, 0);
    driver->read_until(1, 0, 1);
  }
  one.append(Slice(0).set("k", "one 0").next(1));
  one.append(Slice(1).set("k", "one 1"));
  two.append(Slice(1).set("k", "two 1").next(1));
  one.commit(1);
  two.commit(1);
  CAF_CHECK((states_of(store, "one", "state") == States{{{0, "k"}, "one 0"}, {{1, "k"}, "one 1"}}));
  CAF_CHECK((states_of(store, "two", "state") == States{{{1, "k"}, "two 1"}}));
  CAF_CHECK(states_of(store, "three", "state").empty());
  CAF_CHECK(states_of(store, "one", "other").empty());
  CAF_CHECK_EQUAL(one.state("k", 1).value().value_or(""), "one 1");
  CAF_CHECK(!two.state("k", 0).value());
  CAF_CHECK_EQUAL(position_of(store, "one", "in", 0), 1);
  CAF_CHECK_EQUAL(position_of(store, "two", "in", 0), 0);
}

void places_a_record_by_its_key(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 7}}).value();
  NewRecord keyed{.key = "some key", .value = "v"}, bare{.value = "w"};
  store.append("in", {keyed, bare}).value();
  const auto place = partition_of("some key", 7).value;
  CAF_CHECK((values_in(store, "in", place) == (place == 0 ? Values{"v", "w"} : Values{"v"})));
  CAF_CHECK(values_in(store, "in", 0).back() == "w");
}

void respects_the_limits_of_a_poll(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  std::vector<NewRecord> many;
  for (int i = 0; i < 1000; ++i) many.push_back(record(std::to_string(i) + std::string(200, '.')));
  store.append("in", many).value();
  store.append("in", many).value();
  for (const PollLimits limits : {PollLimits{1u << 20, 7}, PollLimits{4096, 4096}, PollLimits{1, 100}}) {
    Driver driver(store);
    driver.ready();
    driver->abort().value();
    driver.records.clear(), driver.batches.clear();
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (driver.read().size() < 2000 && std::chrono::steady_clock::now() < deadline) driver.step(limits);
    CAF_REQUIRE_EQUAL(driver.read().size(), 2000u);
    for (std::size_t i = 0; i < 2000; ++i)
      CAF_REQUIRE_EQUAL(driver.read()[i].offset, static_cast<std::int64_t>(i));
    for (const auto& batch : driver.batches) {
      std::size_t bytes = 0;
      for (const auto& r : batch->records) bytes += r.value.size();
      CAF_REQUIRE(batch->records.size() <= limits.max_records_per_batch);
      CAF_REQUIRE(batch->records.size() == 1 || bytes <= limits.max_bytes_per_batch);
    }
  }
}

void places_keys_by_the_partitioner_that_is_named(Subject& subject) {
  constexpr std::uint32_t count = 7;
  auto& store = subject.store();
  store.ensure_topics({{"in", count}}).value();
  std::vector<NewRecord> records;
  for (const auto by : {Partitioner::crc32, Partitioner::murmur2, Partitioner::fnv1a})
    for (int i = 0; i < 50; ++i)
      records.push_back(
          {.key = "key-" + std::to_string(i), .value = std::string(to_string(by)), .partitioner = by});
  store.append("in", records).value();
  std::size_t found = 0;
  for (std::uint32_t p = 0; p < count; ++p) {
    for (const Seen& seen : log_of(store, "in", p)) {
      CAF_CHECK(partition_of(*seen.key, count, *partitioner_named(seen.value)) == PartitionId{p});
      ++found;
    }
  }
  CAF_CHECK_EQUAL(found, records.size());
}

void a_topic_keeps_its_partition_count(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 2}}).value();
  store.ensure_topics({{"in", 2}, {"more", 1}}).value();
  auto refused = store.ensure_topics({{"new", 1}, {"in", 3}});
  CAF_REQUIRE(fails_with(ErrorCode::invalid_argument, refused));
  for (const char* part : {"in", "2", "3"})
    CAF_CHECK(refused.error().message.find(part) != std::string::npos);
  CAF_CHECK_EQUAL(store.topics().value().size(), 2u);  // nothing of a refused list is created
  CAF_CHECK(!store.ensure_topics({{"none", 0}}).ok());
  CAF_CHECK(!store.ensure_topics({{"", 1}}).ok());
}

void topics_read_together_need_equal_counts(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 2}, {"out", 3}, {"free", 5}}).value();
  auto options = driver_options();
  options.inputs = {TopicIndex{0}, TopicIndex{1}};
  auto refused = store.open_session(options);
  CAF_REQUIRE(!refused.ok());
  CAF_CHECK(refused.error().code == ErrorCode::invalid_argument);
  for (const char* part : {"in", "out", "2", "3"})
    CAF_CHECK(refused.error().message.find(part) != std::string::npos);

  options.topics = {"in", "free"};
  options.inputs = {TopicIndex{0}};
  options.independent_inputs = {TopicIndex{1}};
  store.append("free", {record("far", {}, 4)}).value();
  Driver driver(store, options);
  driver.ready(5).read_until(1, 1, 4);
  CAF_CHECK_EQUAL(driver->partition_count(TopicIndex{1}), 5u);
}

void names_what_does_not_exist(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}}).value();
  auto refused = store.open_session(driver_options());
  CAF_REQUIRE(!refused.ok());
  CAF_CHECK(refused.error().code == ErrorCode::not_found);
  CAF_CHECK(refused.error().message.find("out") != std::string::npos);
  CAF_CHECK(store.append("nowhere", {record("a")}).error().code == ErrorCode::not_found);
  CAF_CHECK(store.end_of("nowhere", PartitionId{0}).error().code == ErrorCode::not_found);
  CAF_CHECK(store.end_of("in", PartitionId{1}).error().code == ErrorCode::not_found);
  CAF_CHECK(store.read("in", PartitionId{1}, Offset{0}).error().code == ErrorCode::not_found);
  CAF_CHECK(!store.append("in", {record("a", {}, 1)}).ok());
  CAF_CHECK_EQUAL(position_of(store, "nobody", "in", 0), 0);
}

void a_wrong_slice_leaves_the_cycle_as_it_was(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  Driver driver(store);
  driver.ready();
  driver.append(Slice().emit("good"));
  CAF_CHECK(!driver->append(complete(Slice().emit("bad", 7).effects)).ok());
  CAF_CHECK(!driver->append(complete(Slice().emit("bad", 0, 9).effects)).ok());
  CAF_CHECK(!driver->append(complete(Slice().emit("bad").set("k", "v", 3).effects)).ok());
  CAF_CHECK(!driver->append(complete(Slice().emit("bad").next(0, 1).effects)).ok());
  CAF_CHECK(!driver->append(complete(Slice(5).emit("bad").effects)).ok());
  CAF_CHECK(
      fails_with(ErrorCode::too_large,
                 driver->append(complete(Slice().emit("bad").set(std::string(70'000, 'k'), "v").effects))));
  driver.commit(1);
  CAF_CHECK((values_in(store, "out") == Values{"good"}));
  CAF_CHECK(states_of(store, "counter", "state").empty());
}

void a_reader_follows_committed_records(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}}).value();
  auto reader = store.read("in", PartitionId{0}, Offset{1}).value();
  CAF_CHECK(reader->next({}).value()->records.empty());
  store.append("in", {record("a"), record("b"), record("c")}).value();
  auto batch = reader->next({1u << 20, 1}).value();
  CAF_CHECK((values_of(seen_in(*batch)) == Values{"b"}));
  CAF_CHECK((values_of(seen_in(*reader->next({}).value())) == Values{"c"}));
  CAF_CHECK(reader->next({}).value()->records.empty());
  store.append("in", {record("d")}).value();
  CAF_CHECK((values_of(seen_in(*reader->next({}).value())) == Values{"d"}));
}

void a_scan_is_one_view_that_may_stop(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  Driver driver(store);
  driver.ready();
  Slice all;
  for (int i = 0; i < 100; ++i) all.set("key " + std::to_string(i), "1");
  driver.append(all);
  driver.commit(1);
  std::size_t count = 0;
  store
      .scan("counter", "state",
            [&](PartitionId, std::string_view, std::string_view value) {
              if (count++ == 0) {  // a commit in the middle of the scan is not part of its view
                Slice change;
                for (int i = 0; i < 100; ++i)
                  change.set("key " + std::to_string(i), i % 2 ? "2" : std::optional<std::string>());
                driver.append(change);
                driver.commit(2);
              }
              CAF_CHECK_EQUAL(std::string(value), "1");
              return true;
            })
      .value();
  CAF_CHECK_EQUAL(count, 100u);
  CAF_CHECK_EQUAL(states_of(store, "counter", "state").size(), 50u);
  count = 0;
  store.scan("counter", "state", [&](PartitionId, std::string_view, std::string_view) { return ++count < 3; })
      .value();
  CAF_CHECK_EQUAL(count, 3u);
}

void state_is_read_from_any_thread(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  Driver driver(store);
  driver.ready();
  driver.append(Slice().set("a", "1").set("b", "1"));
  driver.commit(1);
  auto reader = driver.states.at(PartitionId{0});
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        auto value = reader->get(KeyspaceIndex{0}, "a");
        if (!value.ok() || !*value) ++wrong;
      }
    });
  }
  for (std::uint64_t cycle = 2; cycle < 60; ++cycle) {
    driver.append(Slice().set("a", std::to_string(cycle)));
    driver.commit(cycle);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CAF_CHECK_EQUAL(wrong.load(), 0);
  CAF_CHECK_EQUAL(driver.state("a").value().value_or(""), "59");
}

}  // namespace

std::vector<Case> content_cases() {
#define CASE(name) \
  { #name, name }
  return {CASE(carries_big_and_empty_records),
          CASE(tells_no_key_from_an_empty_one),
          CASE(tells_no_value_from_an_empty_one),
          CASE(carries_headers),
          CASE(names_and_keys_are_arbitrary_bytes),
          CASE(keeps_services_and_partitions_apart),
          CASE(places_a_record_by_its_key),
          CASE(respects_the_limits_of_a_poll),
          CASE(places_keys_by_the_partitioner_that_is_named),
          CASE(a_topic_keeps_its_partition_count),
          CASE(topics_read_together_need_equal_counts),
          CASE(names_what_does_not_exist),
          CASE(a_wrong_slice_leaves_the_cycle_as_it_was),
          CASE(a_reader_follows_committed_records),
          CASE(a_scan_is_one_view_that_may_stop),
          CASE(state_is_read_from_any_thread)};
#undef CASE
}

}  // namespace eventy::conformance
