// What the restore of one partition decides about its local copy.
#define CAF_SUITE kafka_partition_restore
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/partition_restore.hpp"

namespace eventy::kafka::detail {
namespace {

rd_kafka_message_t record(std::int64_t offset, std::string_view key, std::string_view value) {
  rd_kafka_message_t message{};
  message.offset = offset;
  message.key = const_cast<char*>(key.data()), message.key_len = key.size();
  message.payload = const_cast<char*>(value.data()), message.len = value.size();
  return message;
}

// A copy that holds a key of incarnation "old", whose log has its name at offset 2 and was read up to 5.
struct Fixture {
  std::shared_ptr<Client> client = Client::make({}).value();
  RestoreContext context{*client, "counter", changelog_of("counter"), std::chrono::hours(1)};
  Restore restore = {.partition = {}, .copy = local_state_in_memory()("counter", PartitionId{}).value()};

  Fixture() {
    const LogPosition place{Offset{5}, LogNamePlace{"old", Offset{2}}.text(), SystemClock{}.date()};
    const std::vector<LocalState::Change> changes = {{"k", "v"}};
    restore.copy->apply(changes, place).value();
  }
  bool has_key() { return restore.copy->get("k").value().has_value(); }
};

}  // namespace

CAF_TEST(a copy is continued in the log that has its name where it was) {
  Fixture f;
  PartitionRestore task(f.context, f.restore, {Offset{0}, Offset{9}});
  CAF_REQUIRE(task.open().ok());
  CAF_CHECK_EQUAL(task.next.value, 2);
  CAF_CHECK(task.take(record(2, log_name_key, "old")).value() == PartitionRestore::Then::seek);
  CAF_CHECK_EQUAL(task.next.value, 5);
  CAF_CHECK(task.take(record(5, "k2", "v2")).value() == PartitionRestore::Then::read_on);
  CAF_CHECK_EQUAL(task.changes.views().size(), 1u);
  task.reach(Offset{9});
  CAF_CHECK(task.done() && task.check_end().ok() && f.has_key());
}

CAF_TEST(a copy is emptied where positions name another log) {
  Fixture f;
  f.restore.expected_log = "new";
  PartitionRestore task(f.context, f.restore, {Offset{0}, Offset{9}});
  CAF_REQUIRE(task.open().ok());
  CAF_CHECK(task.take(record(2, log_name_key, "new")).value() == PartitionRestore::Then::seek);
  CAF_CHECK_EQUAL(task.next.value, 0);
  CAF_CHECK(!f.has_key());
}

CAF_TEST(a copy is kept where it may be the last trace of the states) {
  Fixture f;
  PartitionRestore task(f.context, f.restore, {Offset{0}, Offset{9}});
  CAF_REQUIRE(task.open().ok());
  CAF_CHECK(task.take(record(2, log_name_key, "new")).value() == PartitionRestore::Then::seek);
  CAF_CHECK(task.take(record(0, log_name_key, "new")).value() == PartitionRestore::Then::read_on);
  const auto end = task.skip_to(Offset{9});
  CAF_REQUIRE(!end.ok());
  CAF_CHECK(end.error().code == ErrorCode::corrupt);
  CAF_CHECK(f.has_key());
}

CAF_TEST(a log that ends before what was committed to it is an error) {
  Fixture f;
  f.restore.expected_log = "old", f.restore.expected_reach = Offset{20};
  PartitionRestore task(f.context, f.restore, {Offset{0}, Offset{9}});
  const auto opened = task.open();
  CAF_REQUIRE(!opened.ok());
  CAF_CHECK(opened.error().code == ErrorCode::corrupt);
  CAF_CHECK(f.has_key());
}

}  // namespace eventy::kafka::detail
