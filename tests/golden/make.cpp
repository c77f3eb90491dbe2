// golden_make FOLDER: writes what this release writes through types, in the layout of tests/golden. make.py
// runs it and adds the rest.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "../support/temporary_folder.hpp"
#include "../support/versions.hpp"
#include "adapters/kafka/changelog.hpp"
#include "adapters/kafka/positions.hpp"
#include "dead_letters.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "eventy/run.hpp"

namespace {

using namespace golden;
namespace fs = std::filesystem;

void write_file(const fs::path& file, std::string_view bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file.string());
}

std::string packed(const Serializer& format, const Crate& data) {
  Record record(Kind::event, "urn:golden:depot", "Packed", "urn:golden:depot");
  record.set_version("1.4.0")
      .set_uuid("0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09")
      .set_correlation_id("depot:packed:1");
  record.set_partition_key("ann").set_date(Instant(Duration(1767315845678)));
  std::string bytes;
  const auto encoder = format.make_encoder();
  write(encoder->begin(record.envelope(), {}, bytes), data);
  encoder->end();
  return bytes;
}

void write_records(const fs::path& out) {
  const auto formats = builtin_adapters().serializers;
  const FormatOptions options{.schemas = EVENTY_SOURCE_DIR "/tests/golden/schemas"};
  for (const auto* name : {"json", "msgpack", "protobuf"})
    write_file(out / name / "3/packed.bin", packed(*formats.at(name)(options).value(), crate()));
  write_file(out / "avro/3/packed.bin", packed(*formats.at("avro")(options).value(), crate(INT64_MAX)));
}

template <class State>
std::string state_bytes(const State& state) {
  std::string bytes;
  write_state(eventy::detail::state_ops<State>, &state, *msgpack::state_format()->make_encoder(), bytes);
  return bytes;
}

void write_states(const fs::path& out) {
  write_file(out / "state/1/account_1.bin", state_bytes(tests::v1::Account{450}));
  write_file(out / "state/1/account_3.bin", state_bytes(tests::v2::Account{"2.00", 7}));
  write_file(out / "state/1/account_4.bin", state_bytes(tests::Account{{"3.00", "1.50"}, 2}));
  write_file(out / "state/1/crate.bin", state_bytes(crate()));
}

void write_changelog(const fs::path& out) {
  using namespace kafka::detail;
  const auto folder = out / "changelog/1";
  write_file(folder / "key.bin", changelog_key("state", std::string("\0\xc3\xa9", 3)));
  write_file(folder / "key_of_log_name.bin", log_name_key);
  write_file(folder / "log_name.bin",
             LogName{"0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09", {"shop-requests", "till-events"}}.text());
  write_file(folder / "position.bin", to_text({.by = "shop-node-1-0",
                                               .cycle = "node-1/7/42",
                                               .log = "0d6a7d4f",
                                               .log_reached = {1234567890123}}));
  write_file(folder / "position_of_takeover.bin", to_text({.by = "shop-node-1-0"}));
}

// The files that hold data. They are copied from under an open store, as a kill would leave them, so there
// are tables and a log.
void copy_database(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const auto name = entry.path().filename().string();
    if (!entry.is_regular_file() || name.starts_with("LO") || name.starts_with("OPTIONS")) continue;
    const auto target = to / fs::relative(entry.path(), from);
    fs::create_directories(target.parent_path());
    fs::copy_file(entry.path(), target);
  }
}

void write_embedded(const fs::path& out) {
  const tests::TemporaryFolder folder;
  const rocksdb::Options options{.path = folder.path()};
  {
    const auto store = rocksdb::open(options).value();
    run_once(*store, till());
    run_once(*store, shop(Book::refuses_returns));
  }
  const auto store = rocksdb::open(options).value();
  store->append("till-events", {{.key = "dan", .value = "no record", .headers = {{"trace", "a b"}}}}).value();
  run_once(*store, shop(Book::refuses_returns));
  copy_database(folder.path(), out / "embedded/1/data");
  write_file(out / "embedded/1/content.json", json::to_text(content_of(*store)) + "\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: golden_make FOLDER\n", stderr), 2;
  const fs::path out = argv[1];
  write_records(out);
  write_states(out);
  write_changelog(out);
  write_embedded(out);
  for (const auto& [name, letter] : dead_letters())
    write_file(out / "dead_letters/1" / (name + ".bin"), letter.bytes);
}
