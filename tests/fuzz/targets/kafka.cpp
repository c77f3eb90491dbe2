// Hostile bytes where the store on Kafka keeps its own: notes of positions, keys of changelogs, names of
// logs.
#include "adapters/kafka/changelog.hpp"
#include "adapters/kafka/positions.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;
using namespace eventy::kafka::detail;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  const fuzz::MemoryWatch watch;
  const auto note = to_text(read_note(bytes));
  fuzz::require(to_text(read_note(note)) == note, "a note is written and read as the same");

  if (const auto key = split_changelog_key(bytes))
    fuzz::require(changelog_key(key->keyspace, key->key) == bytes, "a key is put together as it was");

  const auto name = LogName::read(bytes).text();
  fuzz::require(LogName::read(name).text() == name, "the name of a log is written and read as the same");
  fuzz::require(watch.peak() <= fuzz::max_memory(size), "notes took more memory than they may");
  return 0;
}
