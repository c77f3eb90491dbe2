#include "eventy/engine/parking.hpp"

#include "failure_rows.hpp"

namespace eventy {

Result<std::vector<ParkedKey>> parked_keys(const RecordStore& store, const StateFormat& format,
                                           const std::string& service) {
  std::vector<ParkedKey> keys;
  const auto decoder = format.make_decoder();
  const auto visit = [&](PartitionId partition, std::string_view key, std::string_view bytes) {
    if (!key.starts_with('h')) return true;
    ParkedHead head;
    read_state(detail::state_ops<ParkedHead>, bytes, *decoder, &head);
    keys.push_back({partition, std::string(key.substr(1)), head.next - head.first, head.since,
                    std::string(view(head.reason))});
    return true;
  };
  try {
    if (auto scanned = store.scan(service, std::string(failures_keyspace_name), visit); !scanned)
      return scanned.error();
  } catch (const DecodeError& e) {
    return Error{ErrorCode::corrupt, "what service " + service + " keeps of its failures: " + e.what()};
  } catch (const Failure& e) {
    return e.error();
  }
  return keys;
}

Result<void> release_key(RecordStore& store, const Serializer& serializer, const Plan& plan,
                         const ParkedKey& key) {
  Record record(Kind::request, plan.ns, std::string(release_request_name), plan.ns);
  record.set_partition_key(key.key);
  const auto encoder = serializer.make_encoder();
  const auto appended =
      store.append(plan.name + "-requests",
                   {{.key = key.key, .value = encode(record, *encoder), .partition = key.partition}});
  if (!appended) return appended.error();
  return {};
}

}  // namespace eventy
