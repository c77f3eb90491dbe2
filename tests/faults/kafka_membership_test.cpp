// A session whose member the group forgets while a rebalance is under way, on a real broker. librdkafka joins
// as a new member then and does not tell that what the old one had is lost.
// ctest: KAFKA
#define CAF_SUITE kafka_membership

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/kafka/client.hpp"
#include "adapters/kafka/group.hpp"
#include "adapters/kafka/positions.hpp"
#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

#include "caf/test/unit_test.hpp"

#include <thread>

using namespace eventy;
using namespace eventy::kafka::detail;
using conformance::Driver;
using conformance::Slice;

namespace {

constexpr std::uint32_t partitions = 4;
constexpr std::chrono::milliseconds session_timeout{3000};  // a member asks the group every 200 ms

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> 8 * bytes & 0xff);
  return out;
}
std::string text(const std::string& value) { return big_endian(value.size(), 2) + value; }

// LeaveGroup, version 3, of a static member, as an administrator's tool sends it; librdkafka has no call for
// it. https://kafka.apache.org/protocol#The_Messages_LeaveGroup
void remove_member(const std::string& bootstrap, const std::string& group, const std::string& instance) {
  constexpr int leave_group = 13, version = 3;
  const std::string request = big_endian(leave_group, 2) + big_endian(version, 2) + big_endian(1, 4) +
                              text("test") + text(group) + big_endian(1, 4) + text("") + text(instance);
  const std::string framed = big_endian(request.size(), 4) + request;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(bootstrap.substr(bootstrap.find(':') + 1))));
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  CAF_REQUIRE_EQUAL(::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  CAF_REQUIRE_EQUAL(::send(socket, framed.data(), framed.size(), 0), static_cast<ssize_t>(framed.size()));
  char answer[512];
  const auto size = ::recv(socket, answer, sizeof answer, 0);
  ::close(socket);
  constexpr int error_at = 4 + 4 + 4;  // behind size, correlation and throttle time
  CAF_REQUIRE(size > error_at + 1);
  CAF_REQUIRE(answer[error_at] == 0 && answer[error_at + 1] == 0);
}

// While nobody polls the session.
template <class Done>
void await(const char* what, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) CAF_FAIL("waited in vain for " << what);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// A member of the group that is not ours, so that it fences nothing by its transactional ids.
class Other {
 public:
  Other(Client& client, const std::string& group, const std::string& topic) {
    auto conf = client.reading_conf({{"group.id", group},
                                     {"group.instance.id", group + "-other"},
                                     {"session.timeout.ms", std::to_string(session_timeout.count())},
                                     {"heartbeat.interval.ms", "200"},
                                     {"partition.assignment.strategy", "cooperative-sticky"}});
    handle_ = Client::make_handle(RD_KAFKA_CONSUMER, std::move(conf).value()).value();
    rd_kafka_poll_set_consumer(handle_.get());
    const auto list = make_list(1);
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    CAF_REQUIRE_EQUAL(rd_kafka_subscribe(handle_.get(), list.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  int owned() {
    const kafka::detail::Message dropped(rd_kafka_consumer_poll(handle_.get(), 1));
    rd_kafka_topic_partition_list_t* list = nullptr;
    if (rd_kafka_assignment(handle_.get(), &list)) return -1;
    return PartitionList(list)->cnt;
  }
  void commit(const rd_kafka_topic_partition_list_t& positions) {
    CAF_REQUIRE_EQUAL(rd_kafka_commit(handle_.get(), &positions, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

 private:
  Handle handle_ = {};
};

struct Fixture {
  Fixture() {
    options.bootstrap = eventy::tests::kafka_bootstrap();
    options.prefix = eventy::tests::unique_prefix();
    options.session_timeout = session_timeout;
    store = kafka::open(options).value();
    store->ensure_topics({{"in", partitions}, {"out", partitions}}).value();
    client = Client::make(options).value();
    feed();
  }
  void feed() {
    for (std::uint32_t p = 0; p < partitions; ++p)
      store->append("in", {conformance::record("a", "k", p)}).value();
  }
  std::vector<TopicPartition> places() const {
    std::vector<TopicPartition> all;
    for (std::uint32_t p = 0; p < partitions; ++p)
      all.push_back({options.prefix + "in", static_cast<std::int32_t>(p)});
    return all;
  }
  std::vector<std::int64_t> positions() {
    std::vector<std::int64_t> next;
    for (const auto& at : client->committed(group(), places()).value())
      next.push_back(at.next.value_or(Offset{-1}).value);
    return next;
  }
  std::string group() const { return options.prefix + "counter"; }

  // The session has all partitions and has committed a record of each; then another member comes, two of them
  // are revoked, and the group forgets the session's member before it gives them up.
  void forget() {
    ours.emplace(*store, conformance::driver_options("counter", "ours"));
    ours->ready(partitions);
    for (std::uint32_t p = 0; p < partitions; ++p) {
      ours->read_until(1, 0, p);
      ours->append(Slice(p).next(1).set("k", "1"));
    }
    ours->commit(1);
    CAF_REQUIRE_EQUAL(ours->committed.size(), 1u);
    other.emplace(*client, group(), options.prefix + "in");
    ours->until("a revocation", [&] { return other->owned() >= 0 && !ours->revoked.empty(); });
    remove_member(options.bootstrap, group(), group() + "-ours");
    ours->until("the other's partitions", [&] { return other->owned() == int{partitions}; });
    std::this_thread::sleep_for(std::chrono::seconds(1));  // some heartbeats of the member that is no more
  }
  // The other member handles one more record of each partition, and leaves our notes as they are.
  void work_as_the_other() {
    feed();
    const auto list = make_list(partitions);
    const auto before = client->committed(group(), places()).value();
    for (std::size_t i = 0; i < before.size(); ++i)
      add_position(*list, places()[i], {.next = Offset{2}}, read_note(before[i].metadata));
    other->commit(*list);
  }
  std::vector<PartitionId> kept() const {
    std::vector<PartitionId> all;
    for (std::uint32_t p = 0; p < partitions; ++p)
      if (std::find(ours->revoked.begin(), ours->revoked.end(), PartitionId{p}) == ours->revoked.end())
        all.push_back(PartitionId{p});
    return all;
  }

  kafka::Options options = {};
  std::unique_ptr<RecordStore> store = {};
  std::shared_ptr<Client> client = {};
  std::optional<Driver> ours = {};
  std::optional<Other> other = {};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(membership, Fixture)

CAF_TEST(what_was_assigned_to_a_member_that_the_group_forgot_is_lost) {
  forget();
  work_as_the_other();
  const auto kept_before = kept();
  CAF_REQUIRE(!kept_before.empty());
  const auto known = ours->lost.size() + ours->revoked.size();
  (*ours)->release(ours->revoked);
  ours->until("the news of the rest",
              [&] { return other->owned() >= 0 && ours->lost.size() + ours->revoked.size() > known; });
  CAF_CHECK(ours->lost == kept_before);
  ours->append(Slice(kept_before[0].value).next(2).set("k", "2"));
  ours->commit(2);
  CAF_REQUIRE_EQUAL(ours->aborted.size(), 1u);
  CAF_CHECK(ours->aborted[0].reason.code == ErrorCode::fenced);
  CAF_CHECK(positions() == std::vector<std::int64_t>(partitions, 2));
}

// The new member has joined, and its assignment waits to be polled: the group would take a commit.
CAF_TEST(a_member_that_was_assigned_nothing_yet_commits_nothing) {
  forget();
  work_as_the_other();
  const auto kept_before = kept();
  CAF_REQUIRE(!kept_before.empty());
  (*ours)->release(ours->revoked);
  ours->until("the loss", [&] { return other->owned() >= 0 && !ours->lost.empty(); });
  await("the new member", [&] { return other->owned() < int{partitions}; });
  ours->append(Slice(kept_before[0].value).next(2).set("k", "2"));
  ours->commit(2);
  CAF_REQUIRE_EQUAL(ours->aborted.size(), 1u);
  CAF_CHECK(ours->aborted[0].reason.message.find("they are lost") != std::string::npos);
}

CAF_TEST(partitions_that_come_back_to_another_member_of_the_same_session_are_taken_over_anew) {
  forget();
  work_as_the_other();
  const auto kept_before = kept();
  other.reset();
  remove_member(options.bootstrap, group(), group() + "-other");  // else its session would have to end first
  ours->states.clear();
  ours->records.clear();
  (*ours)->release(ours->revoked);
  std::size_t released = 0;
  ours->until("all partitions", [&] {
    if (ours->lost.size() > released) {
      (*ours)->release({ours->lost.begin() + static_cast<std::ptrdiff_t>(released), ours->lost.end()});
      released = ours->lost.size();
    }
    return ours->states.size() == partitions;
  });
  // Twice where they are released before the new member has joined: what no member has is lost once more when
  // it is assigned something.
  CAF_CHECK(std::set(ours->lost.begin(), ours->lost.end()) ==
            std::set(kept_before.begin(), kept_before.end()));
  feed();
  for (std::uint32_t p = 0; p < partitions; ++p) {
    ours->read_until(1, 0, p);
    CAF_CHECK_EQUAL(ours->read(0, p).front().offset, 2);  // the one behind what the other has handled
    ours->append(Slice(p).next(3));
  }
  ours->commit(3);
  CAF_CHECK(positions() == std::vector<std::int64_t>(partitions, 3));
}

CAF_TEST_FIXTURE_SCOPE_END()
