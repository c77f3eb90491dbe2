#include "eventy/node.hpp"
#include "eventy/store/memory_store.hpp"
#ifdef EVENTY_WITH_JSON
#include "eventy/json/json.hpp"
#endif
#ifdef EVENTY_WITH_MSGPACK
#include "eventy/msgpack/msgpack.hpp"
#endif
#ifdef EVENTY_WITH_KAFKA
#include "eventy/kafka/kafka_store.hpp"
#endif
#ifdef EVENTY_WITH_ROCKSDB
#include "eventy/rocksdb/rocksdb_store.hpp"
#endif

namespace eventy {

namespace {

Result<std::unique_ptr<RecordStore>> memory_store(Section& section, const NodeOptions& options) {
  section.finish();
  if (options.access == StoreAccess::none) return std::unique_ptr<RecordStore>();
  return std::unique_ptr<RecordStore>(std::make_unique<MemoryStore>());
}

#ifdef EVENTY_WITH_ROCKSDB
Result<std::unique_ptr<RecordStore>> embedded_store(Section& section, const NodeOptions& options) {
  rocksdb::Options store{.path = section.text("path", "data"), .sync = section.boolean("sync", true)};
  if (store.path.empty()) section.fail("path", "must not be empty");
  section.finish();
  if (options.access == StoreAccess::none) return std::unique_ptr<RecordStore>();
  store.access =
      options.access == StoreAccess::read_only ? rocksdb::Access::read_only : rocksdb::Access::read_write;
  return rocksdb::open(store);
}
#endif

#ifdef EVENTY_WITH_KAFKA
Result<std::unique_ptr<RecordStore>> kafka_store(Section& section, const NodeOptions& options) {
  section.finish();
  Section s = options.section("kafka");
  kafka::Options store;
  store.bootstrap = s.text("bootstrap", store.bootstrap);
  if (store.bootstrap.empty()) s.fail("bootstrap", "must not be empty");
  store.prefix = s.text("prefix", store.prefix);
  store.replication = static_cast<std::int16_t>(s.integer("replication", store.replication, -1, 1000));
  if (store.replication == 0) s.fail("replication", "must be -1 (the cluster's default) or at least 1");
  store.session_timeout = s.milliseconds("session_timeout_ms", store.session_timeout);
  store.transaction_timeout = s.milliseconds("transaction_timeout_ms", store.transaction_timeout);
  store.request_timeout = s.milliseconds("request_timeout_ms", store.request_timeout);
  store.max_record_size = s.size("max_record_bytes", store.max_record_size, 1);
  store.max_cycle_size = s.size("max_cycle_bytes", store.max_cycle_size, 1);
  store.properties = s.properties("librdkafka");
  s.finish();
  store.log = options.log;
  auto made = kafka::open(store);
  if (!made) s.fail("librdkafka", "is wrong: " + made.error().message);
  if (options.access == StoreAccess::none) return std::unique_ptr<RecordStore>();
  return made;
}
#endif

}  // namespace

Adapters builtin_adapters() {
  Adapters adapters;
  adapters.stores["memory"] = memory_store;
#ifdef EVENTY_WITH_KAFKA
  adapters.stores["kafka"] = kafka_store;
#endif
#ifdef EVENTY_WITH_ROCKSDB
  adapters.stores["embedded"] = embedded_store;
#endif
#ifdef EVENTY_WITH_JSON
  adapters.serializers["json"] = json::serializer();
#endif
#ifdef EVENTY_WITH_MSGPACK
  adapters.serializers["msgpack"] = msgpack::serializer();
  adapters.state_formats["msgpack"] = msgpack::state_format();
#endif
  return adapters;
}

}  // namespace eventy
