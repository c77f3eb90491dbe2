// Cases: what a client of services needs of a store: to write without waiting, and to follow topics.
#include "driver.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "caf/test/unit_test.hpp"
#include "eventy/store/record_writer.hpp"
#include "eventy/store/topic_reader.hpp"

namespace eventy::conformance {
namespace {

using namespace std::chrono_literals;

// The outcomes of a writer, by the number of each record.
class Outcomes {
 public:
  RecordWriter::Done of(int n) {
    return [this, n](Result<Offset> offset) {
      const std::lock_guard lock(mutex_);
      outcomes_[n].push_back(std::move(offset));
      changed_.notify_all();
    };
  }
  // Waits for so many records, then returns their outcomes: each must have one.
  std::map<int, Result<Offset>> await(std::size_t count) {
    std::unique_lock lock(mutex_);
    CAF_REQUIRE(changed_.wait_for(lock, 60s, [&] { return outcomes_.size() >= count; }));
    std::map<int, Result<Offset>> all;
    for (const auto& [n, outcomes] : outcomes_) {
      CAF_CHECK_EQUAL(outcomes.size(), 1u);
      all.emplace(n, outcomes.front());
    }
    return all;
  }

 private:
  std::mutex mutex_ = {};
  std::condition_variable changed_ = {};
  std::map<int, std::vector<Result<Offset>>> outcomes_ = {};
};

void writes_without_waiting_in_the_order_of_each_thread(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 3}}).value();
  const auto writer = store.open_writer().value();
  constexpr int threads = 4, each = 100;
  Outcomes outcomes;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        writer->write("in", PartitionId{static_cast<std::uint32_t>(i % 3)},
                      record(std::to_string(t) + " " + std::to_string(i), "k"), outcomes.of(t * each + i));
    });
  for (auto& thread : all) thread.join();
  const auto offsets = outcomes.await(threads * each);
  std::map<std::string, int> last;
  std::size_t found = 0;
  for (std::uint32_t p = 0; p < 3; ++p)
    for (const auto& seen : log_of(store, "in", p)) {
      const int t = std::stoi(seen.value), i = std::stoi(seen.value.substr(seen.value.find(' ')));
      CAF_CHECK_EQUAL(static_cast<std::uint32_t>(i % 3), p);
      CAF_CHECK_EQUAL(offsets.at(t * each + i).value().value, seen.offset);
      auto [at, is_first] = last.try_emplace(std::to_string(t) + "/" + std::to_string(p), i);
      CAF_CHECK(is_first || at->second < i);
      at->second = i;
      ++found;
    }
  CAF_CHECK_EQUAL(found, static_cast<std::size_t>(threads * each));
}

void writes_keys_headers_and_tombstones_of_clients(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}}).value();
  const auto writer = store.open_writer().value();
  Outcomes outcomes;
  auto with_headers = record("v", "k");
  with_headers.headers = {{"name", "value"}};
  auto tombstone = record("", "k");
  tombstone.tombstone = true;
  writer->write("in", {}, with_headers, outcomes.of(0));
  writer->write("in", {}, record("no key"), outcomes.of(1));
  writer->write("in", {}, tombstone, outcomes.of(2));
  outcomes.await(3);
  const auto all = log_of(store, "in");
  CAF_REQUIRE_EQUAL(all.size(), 3u);
  CAF_CHECK_EQUAL(all[0].headers.at(0).second, "value");
  CAF_CHECK(!all[1].key);
  CAF_CHECK(all[2].tombstone);
}

void a_closed_writer_has_told_every_outcome_and_takes_no_more(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}}).value();
  const auto writer = store.open_writer().value();
  Outcomes outcomes;
  for (int i = 0; i < 200; ++i) writer->write("in", {}, record("v"), outcomes.of(i));
  writer->close(30s);
  const auto all = outcomes.await(200);
  for (const auto& [n, outcome] : all) CAF_CHECK(outcome.ok());
  writer->write("in", {}, record("late"), outcomes.of(200));
  const auto late = outcomes.await(201).at(200);
  CAF_CHECK(!late && late.error().code == ErrorCode::closed);
  CAF_CHECK_EQUAL(values_in(store, "in").size(), 200u);
}

// What a reader finds until it has so many, by topic, in the order of each partition.
std::map<std::uint32_t, std::vector<std::string>> read_until(TopicReader& reader, std::size_t count) {
  std::map<std::uint32_t, std::vector<std::string>> found;
  const auto until = std::chrono::steady_clock::now() + 60s;
  for (std::size_t records = 0; records < count && std::chrono::steady_clock::now() < until;)
    for (const auto& batch : reader.poll({}, 50ms).value())
      for (const auto& r : batch->records) found[batch->topic.value].emplace_back(r.value), ++records;
  return found;
}

void follows_topics_from_their_ends_on(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 2}, {"out", 1}, {"more", 1}}).value();
  store.append("in", {record("before", "k")}).value();
  const auto reader = store.open_topic_reader().value();
  CAF_CHECK_EQUAL(reader->add("in").value().value, 0u);
  CAF_CHECK(reader->poll({}, 0ms).value().empty());
  store.append("in", {record("a", "k"), record("b", "k")}).value();
  CAF_CHECK((read_until(*reader, 2)[0] == std::vector<std::string>{"a", "b"}));
  store.append("in", {record("c", "k")}).value();
  store.append("more", {record("before")}).value();
  CAF_CHECK_EQUAL(reader->add("more").value().value, 1u);
  store.append("more", {record("d")}).value();
  store.append("in", {record("e", "k")}).value();
  auto found = read_until(*reader, 3);
  CAF_CHECK((found[0] == std::vector<std::string>{"c", "e"}));
  CAF_CHECK((found[1] == std::vector<std::string>{"d"}));
  CAF_CHECK(reader->add("missing").error().code == ErrorCode::not_found);
}

void follows_only_what_is_committed(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"out", 1}}).value();
  store.append("in", {record("1"), record("2")}).value();
  const auto reader = store.open_topic_reader().value();
  reader->add("out").value();
  Driver driver(store);
  driver.ready().read_until(2);
  driver.append(Slice().emit("aborted").next(1));
  CAF_CHECK(reader->poll({}, 100ms).value().empty());
  driver->abort().value();
  driver.append(Slice().emit("committed").next(1));
  driver.commit(1);
  CAF_CHECK((read_until(*reader, 1)[0] == std::vector<std::string>{"committed"}));
}

}  // namespace

std::vector<Case> client_cases() {
  return {{"writes_without_waiting_in_the_order_of_each_thread",
           writes_without_waiting_in_the_order_of_each_thread},
          {"writes_keys_headers_and_tombstones_of_clients", writes_keys_headers_and_tombstones_of_clients},
          {"a_closed_writer_has_told_every_outcome_and_takes_no_more",
           a_closed_writer_has_told_every_outcome_and_takes_no_more},
          {"follows_topics_from_their_ends_on", follows_topics_from_their_ends_on},
          {"follows_only_what_is_committed", follows_only_what_is_committed}};
}

}  // namespace eventy::conformance
