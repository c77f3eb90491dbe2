#include "config.hpp"
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <sstream>

#include "eventy/adapters.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/store/write_behind.hpp"
#ifdef EVENTY_WITH_AVRO
#include "eventy/avro/avro.hpp"
#endif
#ifdef EVENTY_WITH_JSON
#include "eventy/json/json.hpp"
#endif
#ifdef EVENTY_WITH_MSGPACK
#include "eventy/msgpack/msgpack.hpp"
#endif
#ifdef EVENTY_WITH_PROTOBUF
#include "eventy/protobuf/protobuf.hpp"
#endif
#ifdef EVENTY_WITH_KAFKA
#include "eventy/kafka/kafka_store.hpp"
#endif
#ifdef EVENTY_WITH_ROCKSDB
#include "eventy/rocksdb/local_state.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#endif

namespace eventy {

namespace {

Result<std::unique_ptr<RecordStore>> memory_store(Section& section, const NodeOptions& options) {
  section.finish();
  if (options.access == StoreAccess::none) return std::unique_ptr<RecordStore>();
  return std::unique_ptr<RecordStore>(std::make_unique<MemoryStore>());
}

#ifdef EVENTY_WITH_AVRO
// Reading needs no schemas: each record contains its own.
Result<std::shared_ptr<const Serializer>> avro_serializer(const FormatOptions& options) {
  auto made = options.schemas.empty() ? avro::AvroSerializer::from_texts({})
                                      : avro::AvroSerializer::from_folder(options.schemas);
  if (!made) return made.error();
  return std::shared_ptr<const Serializer>(*std::move(made));
}
#endif

#ifdef EVENTY_WITH_PROTOBUF
bool holds_schemas(const std::string& folder) {
  constexpr std::array endings{".proto", ".pb", ".desc", ".evsc.yaml"};
  try {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const auto name = entry.path().filename().string();
      if (std::any_of(endings.begin(), endings.end(), [&](const char* e) { return name.ends_with(e); }))
        return true;
    }
    return false;
  } catch (const std::filesystem::filesystem_error&) {
    return true;  // to read the schemas fails too, and says why
  }
}

// Records need no schemas here until a struct reads a `message`. A wrong folder would show only then, record
// by record. The folder may be that of Avro alone.
Result<std::shared_ptr<const Serializer>> protobuf_serializer(const FormatOptions& options) {
  if (options.schemas.empty()) return protobuf::serializer();
  if (!holds_schemas(options.schemas))
    return Error{ErrorCode::configuration,
                 "the folder \"" + options.schemas +
                     "\" contains no schemas: no .proto file and no descriptor set (.pb, .desc); name the "
                     "folder that holds them, or none if no struct reads messages"};
  return protobuf::serializer(options.schemas);
}
#endif

#ifdef EVENTY_WITH_ROCKSDB
Result<std::unique_ptr<RecordStore>> embedded_store(Section& section, const NodeOptions& options) {
  rocksdb::Options store{.path = section.text("path", default_folder), .sync = section.boolean("sync", true)};
  if (store.path.empty()) section.fail("path", "must not be empty");
  section.finish();
  if (options.access == StoreAccess::none) return std::unique_ptr<RecordStore>();
  store.access =
      options.access == StoreAccess::read_only ? rocksdb::Access::read_only : rocksdb::Access::read_write;
  return rocksdb::open(store);
}
#endif

#ifdef EVENTY_WITH_KAFKA
// The keys of [store] for the local copies of states. Only a process that runs services locks their folder:
// others may read and write records at the same time. Without RocksDB the copies are in memory.
Result<OpenLocalState> local_copies(Section& section, const NodeOptions& options) {
  const auto folder = section.text("path", default_folder);
  if (folder.empty()) section.fail("path", "must not be empty");
  const std::size_t cache = section.size("cache_bytes", 64u << 20, 1u << 20);
  const std::size_t buffers = section.size("write_buffer_bytes", 64u << 20, 1u << 20);
  WriteBehind waiting;
  waiting.limit = section.size("write_behind_bytes", waiting.limit);
  waiting.delay = Duration(section.integer("write_behind_ms", waiting.delay.count(), 0, 60'000));
  section.finish();
#ifdef EVENTY_WITH_ROCKSDB
  if (options.access == StoreAccess::sessions) {
    auto copies = rocksdb::local_state({.folder = folder,
                                        .cache_size = cache,
                                        .write_buffer_size = buffers,
                                        .on_rebuild = [log = options.log](const std::string& what) {
                                          if (log) log->warn("{}", what);
                                        }});
    if (!copies) return copies.error();
    return write_behind(*std::move(copies), waiting);
  }
#else
  (void)options, (void)cache, (void)buffers, (void)waiting;
#endif
  return local_state_in_memory();
}

// Splits at commas and ignores blanks.
std::set<std::string> names_in(const std::string& text) {
  std::set<std::string> names;
  std::string name;
  for (std::istringstream all(text); std::getline(all, name, ',');) {
    std::erase(name, ' ');
    if (!name.empty()) names.insert(name);
  }
  return names;
}

Result<std::unique_ptr<RecordStore>> kafka_store(Section& section, const NodeOptions& options) {
  auto copies = local_copies(section, options);
  if (!copies) return copies.error();
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
  store.max_record_bytes = s.size("max_record_bytes", store.max_record_bytes, 1);
  store.max_cycle_bytes = s.size("max_cycle_bytes", store.max_cycle_bytes, 1);
  store.max_backlog_size = s.size("max_backlog_bytes", store.max_backlog_size, 1);
  store.accept_positions = names_in(s.text("accept_positions", ""));
  store.properties = s.properties("librdkafka");
  store.local_state = *std::move(copies);
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
#ifdef EVENTY_WITH_AVRO
  adapters.serializers["avro"] = avro_serializer;
  adapters.schemas["avro"] = [](const std::string& path) { return avro::read_schemas(path); };
#endif
#ifdef EVENTY_WITH_JSON
  adapters.serializers["json"] = json::serializer();
#endif
#ifdef EVENTY_WITH_MSGPACK
  adapters.serializers["msgpack"] = msgpack::serializer();
  adapters.state_formats["msgpack"] = msgpack::state_format();
#endif
#ifdef EVENTY_WITH_PROTOBUF
  adapters.serializers["protobuf"] = protobuf_serializer;
#endif
  return adapters;
}

}  // namespace eventy
