#include "group.hpp"

#include <algorithm>
#include <cstring>

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {

namespace {

constexpr Duration max_to_list{2'000};  // all brokers answer, and one may be down

// Nodes are static members whose ids begin with the group's.
bool is_node(const rd_kafka_MemberDescription_t* member, const std::string& group) {
  const char* id = rd_kafka_MemberDescription_group_instance_id(member);
  return id && std::string_view(id).starts_with(group + "-");
}

std::string description_of(const rd_kafka_MemberDescription_t* member) {
  const auto text = [](const char* told) { return printable(told ? told : ""); };
  return "client " + text(rd_kafka_MemberDescription_client_id(member)) + " at " +
         text(rd_kafka_MemberDescription_host(member)) + " (member " +
         text(rd_kafka_MemberDescription_consumer_id(member)) + ")";
}

// The state of a group in the list of all groups: librdkafka 2.0.2 cannot describe a group of the newer
// protocol.
Result<rd_kafka_consumer_group_state_t> listed_state_of(Client& client, const std::string& group,
                                                        const std::stop_token& stop) {
  auto handle = client.admin();
  if (!handle) return handle.error();
  const Queue queue(rd_kafka_queue_new(*handle));
  const AdminOptions how(rd_kafka_AdminOptions_new(*handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS));
  never_time_out(how);
  rd_kafka_ListConsumerGroups(*handle, how.get(), queue.get());
  const Event event = client.await_answer(queue, stop, max_to_list);
  const std::string what = "cannot list groups";
  if (!event) return Error{ErrorCode::timed_out, "Kafka: " + what + ": no answer"};
  if (const auto code = rd_kafka_event_error(event.get()))
    return client.failed(code, what, rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* found =
      rd_kafka_ListConsumerGroups_result_valid(rd_kafka_event_ListConsumerGroups_result(event.get()), &count);
  for (std::size_t g = 0; g < count; ++g)
    if (group == rd_kafka_ConsumerGroupListing_group_id(found[g]))
      return rd_kafka_ConsumerGroupListing_state(found[g]);
  return RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;
}

// `described`: the group exists.
Result<Membership> describe(Client& client, const std::string& group, const std::stop_token& stop,
                            bool& described) {
  auto handle = client.admin();
  if (!handle) return handle.error();
  const Queue queue(rd_kafka_queue_new(*handle));
  const AdminOptions how(rd_kafka_AdminOptions_new(*handle, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS));
  never_time_out(how);
  const char* groups[] = {group.c_str()};
  rd_kafka_DescribeConsumerGroups(*handle, groups, 1, how.get(), queue.get());
  const Event event = client.await_answer(queue, stop);
  const std::string what = "cannot read the members of group " + printable(group);
  if (!event) return Error{ErrorCode::timed_out, "Kafka: " + what + ": no answer"};
  if (const auto code = rd_kafka_event_error(event.get()))
    return client.failed(code, what, rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* found = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  Membership now;
  described = false;
  for (std::size_t g = 0; g < count; ++g) {
    if (const auto* error = rd_kafka_ConsumerGroupDescription_error(found[g])) {
      if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) continue;
      return client.failed(*error, what);
    }
    const auto state = rd_kafka_ConsumerGroupDescription_state(found[g]);
    described = state != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;
    now.stable = state == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
    for (std::size_t m = 0; m < rd_kafka_ConsumerGroupDescription_member_count(found[g]); ++m) {
      const auto* member = rd_kafka_ConsumerGroupDescription_member(found[g], m);
      if (const char* id = rd_kafka_MemberDescription_group_instance_id(member)) now.members.emplace(id);
      if (!is_node(member, group)) now.foreign.push_back(description_of(member));
      const auto* has = rd_kafka_MemberDescription_assignment(member);
      if (const auto* list = has ? rd_kafka_MemberAssignment_partitions(has) : nullptr)
        now.assigned += static_cast<std::size_t>(list->cnt);
    }
  }
  return now;
}

}  // namespace

Result<Membership> membership_of(Client& client, const std::string& group, const std::stop_token& stop) {
  bool described = false;
  auto now = describe(client, group, stop, described);
  if (!now || described) return now;
  const auto state = listed_state_of(client, group, stop);
  if (!state) return state.error();
  if (*state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD || *state == RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY)
    return now;
  now = describe(client, group, stop, described);  // it may have been created meanwhile
  if (now && !described)
    now->foreign.push_back(
        "some with group.protocol=consumer; kafka-consumer-groups.sh --describe --members lists them");
  return now;
}

Error foreign_members(const std::string& group, const Membership& now) {
  std::string all;
  for (const auto& member : now.foreign) all += (all.empty() ? "" : ", ") + member;
  return {ErrorCode::busy, "group " + printable(group) +
                               " has members that are not nodes of its service: " + all +
                               ". They take its partitions and move its positions: stop them, or give " +
                               "them a group of their own"};
}

// librdkafka shows the generation only in its serialised metadata: "CGMDv2:", the generation as 32 bits in
// the machine's byte order, the group and 0, the member and 0.
std::optional<std::string> member_of(const rd_kafka_consumer_group_metadata_t& group) {
  constexpr std::string_view magic = "CGMDv2:";
  void* buffer = nullptr;
  std::size_t size = 0;
  const KafkaError error(rd_kafka_consumer_group_metadata_write(&group, &buffer, &size));
  if (error) return "";
  const Owner<void, std::free> owner(buffer);
  const std::string_view bytes(static_cast<const char*>(buffer), size);
  std::int32_t generation = -1;
  if (!bytes.starts_with(magic) || size < magic.size() + sizeof generation) return {};
  std::memcpy(&generation, bytes.data() + magic.size(), sizeof generation);
  const auto names = bytes.substr(magic.size() + sizeof generation);
  const auto member = names.find('\0') + 1;
  if (generation < 0 || member >= names.size()) return "";
  return std::string(names.substr(member, names.find('\0', member) - member));
}

}  // namespace eventy::kafka::detail
