#include "eventy/node.hpp"
#include "eventy/store/memory_store.hpp"
#ifdef EVENTY_WITH_JSON
#include "eventy/json/json.hpp"
#endif
#ifdef EVENTY_WITH_MSGPACK
#include "eventy/msgpack/msgpack.hpp"
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

}  // namespace

Adapters builtin_adapters() {
  Adapters adapters;
  adapters.stores["memory"] = memory_store;
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
