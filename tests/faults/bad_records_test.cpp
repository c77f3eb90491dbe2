// A service on the embedded store that meets what it cannot handle: records of a later protocol, bytes that
// are no record, a handler that throws on some, and a disk without room. Whatever can be counted is counted
// exactly once.
#define CAF_SUITE bad_records

#include "rocksdb_support.hpp"

#include "../../examples/counter/counter.hpp"
#include "../support/local_node.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/testing/virtual_clock.hpp"

#include "caf/test/unit_test.hpp"

using namespace eventy;
using namespace eventy::faults;

namespace {

constexpr std::int64_t keys = 50;

// Counts, and throws on every thousandth click: always, or only at the first attempt.
struct Throws {
  bool always = true;
  std::set<std::int64_t> seen = {};
};
Service failing(std::shared_ptr<Throws> throws, Retry retry) {
  return service<counter::Tally>("counter")
      .on(exactly_once,
          [throws](Turn<counter::Tally>& turn, const counter::Clicked& c) {
            turn.emit(counter::Counted{std::string(turn.key()), ++turn.edit().count});
            if (c.n % 1000 == 999 && (throws->always || throws->seen.insert(c.n).second))
              throw std::runtime_error("no more clicks like " + std::to_string(c.n));
          })
      .on_failure({.retry = retry});
}

NewRecord clicked(std::int64_t n) {
  static const auto encoder = json::serializer()->make_encoder();
  Record record(Kind::event, "urn:bench", "Clicked", "urn:bench");
  const auto key = "key-" + std::to_string(n % keys);
  record.set_partition_key(key);
  record.data = {{"n", Value{n}}};
  return {.key = key, .value = encode(record, *encoder)};
}
NewRecord of_protocol_4(std::int64_t n) {
  auto record = clicked(n);
  const std::string ours = "\"protocol_version\":\"3.";
  const auto at = record.value.find(ours);
  if (at == std::string::npos) throw std::runtime_error("where is the version in " + record.value);
  record.value[at + ours.size() - 2] = '4';
  return record;
}

class Node {
 public:
  Node(RecordStore& store, Service service) : store_(store) {
    store.ensure_topics({{"bench-events", partitions}}).value();
    local_ = std::make_unique<testing::LocalService>(
        store, std::move(service),
        RuntimeOptions{.serializer = json::serializer(), .state_format = msgpack::state_format()},
        BridgeOptions{}, clock_, partitions);
  }
  testing::LocalService& local() { return *local_; }
  void round() { local_->round(), clock_.advance(Duration(30)); }
  bool read_all() {
    for (std::uint32_t p = 0; p < partitions; ++p)
      if (conformance::position_of(store_, "counter", "bench-events", p) !=
          conformance::end_of(store_, "bench-events", p))
        return false;
    return true;
  }
  void finish() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!read_all() && std::chrono::steady_clock::now() < deadline) round();
    CAF_REQUIRE(read_all());
  }

 private:
  RecordStore& store_;
  testing::VirtualClock clock_;
  std::unique_ptr<testing::LocalService> local_;
};

// Every count of every key came out once, in order, and the state is the last of them. The sum of all.
std::int64_t counted_in_order(RecordStore& store) {
  std::map<std::string, std::int64_t> last;
  const auto decoder = json::serializer()->make_decoder();
  std::int64_t sum = 0;
  for (std::uint32_t p = 0; p < partitions; ++p) {
    for (const auto& text : conformance::values_in(store, "counter-events", p)) {
      const Record record = decode(text, *decoder);
      const auto& key = std::get<std::string>(record.data.at(0).second.is);
      CAF_REQUIRE_EQUAL(std::get<std::int64_t>(record.data.at(1).second.is), ++last[key]);
      ++sum;
    }
  }
  std::map<std::string, std::int64_t> kept;
  for_each_state<counter::Tally>(store, *msgpack::state_format(), "counter",
                                 [&](PartitionId, std::string_view key, const counter::Tally& tally) {
                                   kept[std::string(key)] = tally.count;
                                 })
      .value();
  CAF_CHECK(kept == last);
  return sum;
}

struct DeadLetter {
  std::string value, reason, handler, attempts;
};
std::vector<DeadLetter> dead_letters(RecordStore& store) {
  std::vector<DeadLetter> all;
  for (std::uint32_t p = 0; p < partitions; ++p) {
    for (const auto& seen : conformance::log_of(store, "counter-dead-letters", p)) {
      std::map<std::string, std::string> headers(seen.headers.begin(), seen.headers.end());
      all.push_back(
          {seen.value, headers["eventy-reason"], headers["eventy-handler"], headers["eventy-attempts"]});
    }
  }
  return all;
}

}  // namespace

CAF_TEST(one_bad_record_in_a_thousand_is_set_aside_with_its_reason_and_its_bytes) {
  Folder folder;
  auto store = rocksdb::open(options_of(folder.path())).value();
  Node node(*store, failing(std::make_shared<Throws>(), {.times = 2}));
  constexpr std::int64_t clicks = 10'000;
  std::vector<NewRecord> records;
  for (std::int64_t n = 0; n < clicks; ++n) {
    records.push_back(clicked(n));
    if (n % 2500 == 7) records.push_back(of_protocol_4(n));
    if (n % 5000 == 8) records.push_back({.key = "key-1", .value = "{\"not\": \"a record\""});
  }
  store->append("bench-events", records).value();
  node.finish();
  CAF_CHECK_EQUAL(counted_in_order(*store), clicks - 10);
  int newer = 0, thrown = 0, garbage = 0;
  for (const auto& letter : dead_letters(*store)) {
    CAF_MESSAGE(letter.attempts << " " << letter.handler << ": " << letter.reason);
    if (letter.reason.find("protocol_version") != std::string::npos &&
        letter.reason.find("4.") != std::string::npos) {
      ++newer;
      CAF_CHECK(letter.value.find("\"protocol_version\":\"4.") != std::string::npos);
    } else if (letter.reason.find("no more clicks like") != std::string::npos) {
      ++thrown;
      CAF_CHECK_EQUAL(letter.attempts, "3");
      CAF_CHECK_EQUAL(letter.handler, "Clicked");
    } else {
      ++garbage;
      CAF_CHECK_EQUAL(letter.value, "{\"not\": \"a record\"");
    }
  }
  CAF_CHECK_EQUAL(newer, 4);
  CAF_CHECK_EQUAL(thrown, 10);
  CAF_CHECK_EQUAL(garbage, 2);
}

CAF_TEST(a_handler_that_throws_once_is_tried_again_and_nothing_is_lost_or_doubled) {
  Folder folder;
  auto store = rocksdb::open(options_of(folder.path())).value();
  auto throws = std::make_shared<Throws>();
  throws->always = false;
  Node node(*store, failing(throws, {.times = 1}));
  std::vector<NewRecord> records;
  for (std::int64_t n = 0; n < 10'000; ++n) records.push_back(clicked(n));
  store->append("bench-events", records).value();
  node.finish();
  CAF_CHECK_EQUAL(throws->seen.size(), 10u);
  CAF_CHECK_EQUAL(counted_in_order(*store), 10'000);
  CAF_CHECK(dead_letters(*store).empty());
}

CAF_TEST(a_service_on_a_full_disk_goes_on_when_there_is_room_or_when_started_again) {
  SmallDisk disk;
  if (!disk.mounted()) {
    CAF_MESSAGE("skipped: no permission to mount a small file system");
    CAF_CHECK(true);
    return;
  }
  const auto options = disk.options();
  auto store = rocksdb::open(options).value();
  auto node = std::make_unique<Node>(*store, counter::service());
  constexpr std::int64_t clicks = 12'000;
  std::vector<NewRecord> records;
  for (std::int64_t n = 0; n < clicks; ++n) records.push_back(clicked(n));
  store->append("bench-events", records).value();
  const auto ballast = [&](std::size_t size) { return disk.path() / ("ballast" + std::to_string(size)); };
  for (std::size_t size = 16u << 20; size > 4096; size /= 2)
    write_text(ballast(size), std::string(size, 'b'));
  std::string refusal;
  try {
    const auto full = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (node->local().bridge().stats().aborted < 3 && std::chrono::steady_clock::now() < full)
      node->round();
    CAF_CHECK(node->local().bridge().stats().aborted >= 3);  // else the disk was never full
  } catch (const Failure& e) {
    refusal = e.what();
  }
  CAF_CHECK(!node->read_all());
  for (std::size_t size = 16u << 20; size > 4096; size /= 2) fs::remove(ballast(size));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!node->read_all() && std::chrono::steady_clock::now() < deadline) {
    try {
      node->round();
    } catch (const Failure& e) {  // the session is over: a new process starts
      refusal = e.what();
      node.reset();
      store.reset();
      store = rocksdb::open(options).value();
      node = std::make_unique<Node>(*store, counter::service());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CAF_MESSAGE("ended by: " << refusal);
  CAF_CHECK(refusal.empty() || refusal.find(options.path.string()) != std::string::npos);
  CAF_REQUIRE(node->read_all());
  CAF_CHECK_EQUAL(counted_in_order(*store), clicks);
}
