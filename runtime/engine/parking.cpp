#include "eventy/engine/parking.hpp"

#include <stdexcept>

#include "failure_rows.hpp"

namespace eventy {

Result<std::vector<ParkedKey>> parked_keys(const RecordStore& store, const StateFormat& format,
                                           const std::string& service) {
  std::vector<ParkedKey> keys;
  const auto decoder = format.make_decoder();
  const auto visit = [&](PartitionId partition, std::string_view key, std::string_view bytes) {
    if (!key.starts_with('h')) return true;
    ParkedHead head;
    try {
      read_state(detail::state_ops<ParkedHead>, bytes, *decoder, &head);
    } catch (...) {
      detail::throw_for_state(detail::name_of_state(service, partition, "the row of failures", key));
    }
    keys.push_back({partition, std::string(key.substr(1)), head.next - head.first, head.since,
                    std::string(view(head.reason))});
    return true;
  };
  try {
    if (auto scanned = store.scan(service, std::string(failures_keyspace_name), visit); !scanned)
      return scanned.error();
  } catch (const Failure& e) {
    return e.error();
  }
  return keys;
}

Result<void> release_key(RecordStore& store, const ServiceRuntime& service, const ParkedKey& key) {
  const auto& ns = service.plan().ns;
  const auto topic = ServiceRuntime::requests;
  Record record(Kind::request, ns, std::string(release_request_name), ns);
  record.set_partition_key(key.key);
  NewRecord request{.key = key.key, .partition = key.partition};
  try {
    request.value = encode(record, *service.serializer(topic).make_encoder());
  } catch (const std::invalid_argument& e) {
    return Error{ErrorCode::unsupported,
                 "the request to release a key of service " + service.plan().name + ": " + e.what()};
  }
  const auto appended = store.append(service.topic_name(topic), {std::move(request)});
  if (!appended) return appended.error();
  return {};
}

}  // namespace eventy
