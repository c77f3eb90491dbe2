// A hostile configuration: a TOML file, and behind its first NUL the arguments of --set, a line each. It is
// read as a node reads it, or is a mistake that is told.
#include "actors/node/config.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;

namespace {

// As the stores of adapters.cpp read their tables, without what they open.
Result<std::unique_ptr<RecordStore>> store_of_tables(Section& section, const NodeOptions& options) {
  section.text("path", "data");
  section.boolean("sync", true);
  section.finish();
  Section kafka = options.section("kafka");
  kafka.milliseconds("session_timeout_ms", Duration(1));
  kafka.properties("librdkafka");
  kafka.finish();
  return std::unique_ptr<RecordStore>();
}

Config config_of(const std::string& path, std::string_view lines) {
  Config config = Config::file(path);
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    set_from_argument(config, std::string(line));
  }
  return config;
}

void read(const std::string& path, std::string_view sets) {
  static const auto adapters = [] {
    auto all = builtin_adapters();
    all.stores["embedded"] = store_of_tables;
    return all;
  }();
  Document document(config_of(path, sets));
  const auto config = read_config(document, adapters);
  make_store(document, config, adapters, StoreAccess::none).value();
  document.finish();
  (void)document.absent();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  const auto toml = bytes.substr(0, bytes.find('\0'));
  const fuzz::MemoryFile file(toml);
  const fuzz::MemoryWatch watch;
  try {
    read(file.path(), bytes.substr(std::min(size, toml.size() + 1)));
  } catch (const Failure& e) {
    fuzz::require(e.error().code == ErrorCode::configuration,
                  "what is wrong is a mistake in the configuration");
  }
  fuzz::require(watch.peak() <= 4 * fuzz::max_memory(size), "a configuration took more memory than it may");
  return 0;
}
