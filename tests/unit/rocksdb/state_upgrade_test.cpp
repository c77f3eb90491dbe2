// A service of a new version takes over the states of the old one, on the stores that a node can have.
#define CAF_SUITE state_upgrade

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

#include "../../support/local_node.hpp"
#include "../../support/temporary_folder.hpp"
#include "../../support/versions.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/virtual_clock.hpp"

namespace {

using namespace eventy;

void place(RecordStore& store, const std::string& key, const std::string& version, ValueMap data) {
  Record record(Kind::event, "urn:shop", "Placed", "urn:shop");
  record.set_version(version).set_partition_key(key);
  record.data = std::move(data);
  store.append("shop-events", {{.key = key, .value = encode(record, *json::serializer()->make_encoder())}})
      .value();
}

// Starts the service, lets it read all there is, and ends it.
void run_once(RecordStore& store, const Service& service) {
  testing::VirtualClock clock;
  testing::LocalService node(store, service,
                             {.serializer = json::serializer(), .state_format = msgpack::state_format()},
                             BridgeOptions{}, clock, 1);
  // The store commits on a thread of its own; until it has, there is nothing else to do.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int rounds = 0; rounds < 12 || !node.bridge().idle(); ++rounds) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("not read to the end");
    node.round(), clock.advance(Duration(30));
    std::this_thread::yield();
  }
}

std::map<std::string, tests::Account> accounts(const RecordStore& store) {
  std::map<std::string, tests::Account> all;
  for_each_state<tests::Account>(
      store, *msgpack::state_format(), "desk",
      [&](PartitionId, std::string_view key, const tests::Account& a) { all[std::string(key)] = a; })
      .value();
  return all;
}

void upgrade_across_restarts(RecordStore* store, const std::function<RecordStore*()>& reopen) {
  store->ensure_topics({{"shop-events", 1}}).value();
  for (const auto* key : {"ann", "bob"}) place(*store, key, "1.0.0", {{"cents", {std::int64_t{450}}}});
  run_once(*store, tests::desk_v1());
  store = reopen();
  place(*store, "bob", "2.0.0", {{"price", {std::string("1.00")}}});
  run_once(*store, tests::desk_v2());
  store = reopen();
  place(*store, "ann", "3.0.0", {{"amount", {std::string("9.00")}}, {"currency", {std::string("GBP")}}});
  run_once(*store, tests::desk());
  store = reopen();
  const auto all = accounts(*store);
  CAF_CHECK(all.at("ann").spent == (std::vector<std::string>{"4.50", "9.00 GBP"}));
  CAF_CHECK(all.at("bob").spent == std::vector<std::string>{"1.00"});
  CAF_CHECK_EQUAL(all.at("bob").orders, 1);
}

}  // namespace

CAF_TEST(states_in_memory_are_upgraded_after_a_restart_of_the_service) {
  MemoryStore store;
  upgrade_across_restarts(&store, [&] { return &store; });
}

CAF_TEST(states_of_the_embedded_store_are_upgraded_after_a_restart_of_the_process) {
  const tests::TemporaryFolder folder;
  const rocksdb::Options options{.path = folder.path()};
  auto store = rocksdb::open(options).value();
  upgrade_across_restarts(store.get(), [&] {
    store.reset();
    store = rocksdb::open(options).value();
    return store.get();
  });
}
