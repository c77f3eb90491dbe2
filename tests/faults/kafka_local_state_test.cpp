// What a start reads of the changelog when there is a copy on disk: what the copy lacks. On a real broker;
// another process is this program started again with one test and a task in EVENTY_TEST_TASK.
// ctest: KAFKA TIMEOUT 300
#define CAF_SUITE kafka_local_state

#include "adapters/kafka/changelog.hpp"
#include "adapters/rocksdb/copy_keys.hpp"
#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "eventy/rocksdb/local_state.hpp"
#include "support/kafka_broker.hpp"
#include "support/temporary_folder.hpp"

#include "caf/test/unit_test.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/plain_format.hpp"
#include "support/local_node.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>

using namespace eventy;
using conformance::Driver;
using conformance::States;
using eventy::tests::TemporaryFolder;

namespace {

constexpr std::uint32_t partitions = 2;
constexpr int keys_per_cycle = 100;  // in each partition
constexpr std::uint64_t records_per_cycle = partitions * keys_per_cycle;

struct Given {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:source", "Given", "1.0.0">;
};
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

struct Counts {
  std::atomic<std::uint64_t> changes = 0;  // that reached a copy
  std::atomic<bool> lost = false;          // from now on nothing does, as if the process had ended before
  Duration age{0};                         // so much longer ago a copy was written, as it says
};

class Counted final : public LocalState {
 public:
  Counted(std::unique_ptr<LocalState> copy, std::shared_ptr<Counts> counts)
      : copy_(std::move(copy)), counts_(std::move(counts)) {}
  Result<std::optional<std::string>> get(std::string_view key) const override { return copy_->get(key); }
  Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
    if (counts_->lost) return {};
    counts_->changes += changes.size();
    return copy_->apply(changes, place);
  }
  Result<LogPosition> place() const override {
    auto place = copy_->place();
    if (place) place->synced -= counts_->age;
    return place;
  }
  Result<void> clear() override { return copy_->clear(); }

 private:
  std::unique_ptr<LocalState> copy_;
  std::shared_ptr<Counts> counts_;
};

// With copies in a folder, each change counted.
OpenLocalState counted_copies(const std::filesystem::path& folder, std::shared_ptr<Counts> counts) {
  auto open = eventy::rocksdb::local_state({.folder = folder}).value();
  return [open, counts](const std::string& service,
                        PartitionId partition) -> Result<std::unique_ptr<LocalState>> {
    auto copy = open(service, partition);
    if (!copy) return copy.error();
    return std::unique_ptr<LocalState>(std::make_unique<Counted>(*std::move(copy), counts));
  };
}

std::unique_ptr<RecordStore> open_store(const std::string& prefix, const std::filesystem::path& folder,
                                        std::shared_ptr<Counts> counts) {
  kafka::Options options;
  options.bootstrap = eventy::tests::kafka_bootstrap();
  options.prefix = prefix;
  options.local_state = counted_copies(folder, std::move(counts));
  return kafka::open(options).value();
}

// A node from its start: the store on the tests' broker, its copies in a folder.
struct Node {
  Node(const std::string& prefix, const std::filesystem::path& folder, Duration age = {}) {
    counts->age = age;
    store = open_store(prefix, folder, counts);
    store->ensure_topics({{"in", partitions}, {"out", partitions}}).value();
    driver.emplace(*store);
    driver->ready(partitions);
    restored = counts->changes;
  }
  void commit(std::uint64_t cycle) {
    for (std::uint32_t p = 0; p < partitions; ++p) {
      conformance::Slice slice(p);
      for (int k = 0; k < keys_per_cycle; ++k)
        slice.set("key " + std::to_string(cycle % 3) + "/" + std::to_string(k), std::to_string(cycle));
      driver->append(slice);
    }
    driver->commit(cycle);
  }
  // Whether the copies say the same as the log.
  bool agrees() {
    const States log = conformance::states_of(*store, "counter", "state");
    bool same = !log.empty();
    for (const auto& [place, value] : log) same &= driver->state(place.second, place.first).value() == value;
    return same;
  }

  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  std::unique_ptr<RecordStore> store = {};
  std::optional<Driver> driver = {};
  std::uint64_t restored = 0;  // records of the changelog that the start read
};

// As an administrator would, with a time that tombstones stay.
void create_changelog(const std::string& prefix, Duration retention) {
  namespace in = kafka::detail;
  const auto client = in::Client::make({.bootstrap = eventy::tests::kafka_bootstrap()}).value();
  rd_kafka_t* admin = client->admin().value();
  char why[512];
  const in::NewTopic topic(rd_kafka_NewTopic_new((prefix + in::changelog_of("counter")).c_str(),
                                                 static_cast<int>(partitions), 1, why, sizeof why));
  rd_kafka_NewTopic_set_config(topic.get(), "cleanup.policy", "compact");
  rd_kafka_NewTopic_set_config(topic.get(), "delete.retention.ms", std::to_string(retention.count()).c_str());
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  const in::Queue answers(rd_kafka_queue_new(admin));
  rd_kafka_CreateTopics(admin, topics, 1, nullptr, answers.get());
  const in::Event answer(rd_kafka_queue_poll(answers.get(), 20'000));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer.get()), &count);
  if (count != 1 || rd_kafka_topic_result_error(results[0]))
    throw std::runtime_error("cannot create the changelog");
}

// How much of three cycles a start reads whose copies lack the last one and were written so long ago.
std::uint64_t read_by_a_copy_of_age(Duration age, std::optional<Duration> retention) {
  const auto prefix = eventy::tests::unique_prefix();
  TemporaryFolder folder;
  if (retention) create_changelog(prefix, *retention);
  {
    Node first(prefix, folder.path());
    first.commit(1), first.commit(2);
    first.counts->lost = true;
    first.commit(3);
  }
  Node second(prefix, folder.path(), age);
  CAF_CHECK(second.agrees());
  return second.restored;
}

// Commits as long as it lives; the file says how many.
void keep_committing(const char* prefix, const std::filesystem::path& folder, const char* note) {
  Node node(prefix, folder);
  const int file = ::open(note, O_WRONLY | O_CREAT, 0644);
  for (std::uint64_t cycle = 1;; ++cycle) {
    node.commit(cycle);
    if (::pwrite(file, &cycle, sizeof cycle, 0) != sizeof cycle) return;
  }
}

pid_t start(const std::string& prefix, const std::filesystem::path& folder,
            const std::filesystem::path& note) {
  ::setenv("EVENTY_TEST_TASK", prefix.c_str(), 1);
  ::setenv("EVENTY_TEST_FOLDER", folder.c_str(), 1);
  ::setenv("EVENTY_TEST_NOTE", note.c_str(), 1);
  const char* arguments[] = {
      "task", "-n", "-v", "0", "-s", "^kafka_local_state$", "-t", "^task_of_another_process$", nullptr};
  pid_t id = 0;
  const int failed =
      ::posix_spawn(&id, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(arguments), environ);
  ::unsetenv("EVENTY_TEST_TASK");
  if (failed) throw std::runtime_error("cannot start another process");
  return id;
}

std::uint64_t number_in(const std::filesystem::path& note) {
  std::uint64_t number = 0;
  std::ifstream(note, std::ios::binary).read(reinterpret_cast<char*>(&number), sizeof number);
  return number;
}

}  // namespace

CAF_TEST(task_of_another_process) {
  if (const char* prefix = std::getenv("EVENTY_TEST_TASK"))
    keep_committing(prefix, std::getenv("EVENTY_TEST_FOLDER"), std::getenv("EVENTY_TEST_NOTE"));
  CAF_CHECK(true);
}

CAF_TEST(a_start_reads_nothing_that_its_copies_have_and_all_without_them) {
  const auto prefix = eventy::tests::unique_prefix();
  TemporaryFolder folder, empty;
  constexpr std::uint64_t cycles = 5;
  {
    Node first(prefix, folder.path());
    CAF_CHECK_EQUAL(first.restored, 0u);
    for (std::uint64_t cycle = 1; cycle <= cycles; ++cycle) first.commit(cycle);
  }
  {
    Node second(prefix, folder.path());
    CAF_CHECK_EQUAL(second.restored, 0u);
    CAF_CHECK(second.agrees());
  }
  Node elsewhere(prefix, empty.path());
  CAF_CHECK_EQUAL(elsewhere.restored, cycles * records_per_cycle);
  CAF_CHECK(elsewhere.agrees());
}

CAF_TEST(a_start_tells_how_far_it_is_from_nothing_to_all) {
  const auto prefix = eventy::tests::unique_prefix();
  TemporaryFolder folder, empty;
  {
    Node first(prefix, folder.path());
    for (std::uint64_t cycle = 1; cycle <= 5; ++cycle) first.commit(cycle);
  }
  Node elsewhere(prefix, empty.path());
  CAF_REQUIRE_EQUAL(elsewhere.driver->restoring.size(), partitions);
  for (const auto& [partition, told] : elsewhere.driver->restoring) {
    CAF_CHECK_EQUAL(told.front().done, 0u);
    CAF_CHECK(told.front().total >= 5u * keys_per_cycle);
    CAF_CHECK_EQUAL(told.back().done, told.back().total);
    for (std::size_t i = 1; i < told.size(); ++i) CAF_CHECK(told[i].done >= told[i - 1].done);
  }
}

CAF_TEST(the_log_and_the_figures_of_a_bridge_tell_how_far_a_restore_is) {
  const auto prefix = eventy::tests::unique_prefix();
  TemporaryFolder folder, empty;
  {
    Node first(prefix, folder.path());
    for (std::uint64_t cycle = 1; cycle <= 5; ++cycle) first.commit(cycle);
  }
  std::ostringstream lines;
  const auto store = open_store(prefix, empty.path(), std::make_shared<Counts>());
  const SystemClock clock;
  eventy::testing::LocalService node(
      *store, service<Tally>("counter").on([](Turn<Tally>&, const Given&) {}),
      {.serializer = eventy::testing::plain_serializer(),
       .state_format = eventy::testing::plain_state_format(),
       .log =
           std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines))},
      {.restore = {.quiet = Duration(0), .interval = Duration(20)}}, clock, partitions);
  const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
  while (node.owned().size() < partitions && std::chrono::steady_clock::now() < deadline) node.poll();
  const auto figures = node.bridge().stats();
  CAF_MESSAGE(lines.str());
  CAF_CHECK(figures.restored >= 5 * records_per_cycle);
  CAF_CHECK_EQUAL(figures.to_restore, 0u);
  CAF_CHECK_EQUAL(figures.restoring, 0u);
  const auto told = [&](const std::string& text) { return lines.str().find(text) != std::string::npos; };
  CAF_CHECK(told("restoring states: 2 of 2 partitions left"));
  CAF_CHECK(told("restored the states of 2 partitions: " + std::to_string(figures.restored) +
                 " changelog records in "));
}

CAF_TEST(a_start_reads_the_cycles_that_its_copies_lack) {
  const auto prefix = eventy::tests::unique_prefix();
  TemporaryFolder folder;
  {
    Node first(prefix, folder.path());
    for (std::uint64_t cycle = 1; cycle <= 4; ++cycle) first.commit(cycle);
    first.counts->lost = true;
    first.commit(5), first.commit(6);
  }
  Node second(prefix, folder.path());
  CAF_CHECK_EQUAL(second.restored, 2 * records_per_cycle);
  CAF_CHECK(second.agrees());
}

CAF_TEST(a_copy_is_continued_while_the_log_keeps_the_ends_of_keys_and_made_anew_after_that) {
  using std::chrono::minutes;
  CAF_CHECK_EQUAL(read_by_a_copy_of_age(minutes(22 * 60), {}), records_per_cycle);
  CAF_CHECK_EQUAL(read_by_a_copy_of_age(minutes(23 * 60 + 10), {}), 3 * records_per_cycle);
  CAF_CHECK_EQUAL(read_by_a_copy_of_age(minutes(20), minutes(60)), records_per_cycle);
  CAF_CHECK_EQUAL(read_by_a_copy_of_age(minutes(40), minutes(60)), 3 * records_per_cycle);
  CAF_CHECK_EQUAL(read_by_a_copy_of_age(minutes(26 * 60), minutes(48 * 60)), records_per_cycle);
}

// Whose name stands at the same offset: a service that was begun anew, and copies of before that were left.
// From one service to another.
void give_copies(const std::filesystem::path& folder, const std::string& from, const std::string& to) {
  ::rocksdb::DB* opened = nullptr;
  CAF_REQUIRE(::rocksdb::DB::Open({}, (folder / "states").string(), &opened).ok());
  const std::unique_ptr<::rocksdb::DB> db(opened);
  for (std::uint32_t p = 0; p < partitions; ++p) {
    std::string number;
    CAF_REQUIRE(db->Get({}, eventy::rocksdb::detail::copy_name_key(from, p), &number).ok());
    CAF_REQUIRE(db->Delete({}, eventy::rocksdb::detail::copy_name_key(from, p)).ok());
    CAF_REQUIRE(db->Put({}, eventy::rocksdb::detail::copy_name_key(to, p), number).ok());
  }
}

CAF_TEST(a_copy_of_another_log_is_made_anew) {
  const auto prefix = eventy::tests::unique_prefix(), earlier = eventy::tests::unique_prefix();
  TemporaryFolder folder, elsewhere;
  {
    Node node(earlier, folder.path());
    node.commit(1);
  }
  {
    Node node(prefix, elsewhere.path());
    node.commit(2), node.commit(3);
  }
  give_copies(folder.path(), earlier + "counter", prefix + "counter");
  Node node(prefix, folder.path());
  CAF_CHECK_EQUAL(node.restored, 2 * records_per_cycle);
  CAF_CHECK(node.agrees());
  CAF_CHECK(!node.driver->state("key 1/0").value());
}

CAF_TEST(a_start_after_a_kill_reads_the_last_cycle_at_most) {
  const auto prefix = eventy::tests::unique_prefix();
  TemporaryFolder folder, notes;
  std::mt19937_64 chance(std::random_device{}());
  std::uint64_t cycles = 0;
  for (int kill = 0; kill < 4; ++kill) {
    const auto note = notes.path() / std::to_string(kill);
    const pid_t id = start(prefix, folder.path(), note);
    const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
    while (number_in(note) < 10 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::microseconds(chance() % 100'000));
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
    CAF_CHECK(number_in(note) >= 10);
    cycles += number_in(note);
    Node next(prefix, folder.path());
    CAF_MESSAGE("after " << cycles << " cycles: " << next.restored << " records of the changelog read");
    CAF_CHECK(next.restored <= records_per_cycle);
    CAF_CHECK(next.agrees());
  }
}
