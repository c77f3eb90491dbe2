// `counter run` counts Clicked events per key. `counter feed` writes such events in place of a service
// `bench`.
#include <fmt/format.h>

#include <utility>

#include "counter.hpp"
#include "eventy/run.hpp"

namespace {

constexpr std::size_t batch = 1000;  // records per append()

// About 400 bytes each, as JSON.
eventy::NewRecord clicked(std::uint64_t n, std::uint64_t keys, eventy::Encoder& encoder) {
  eventy::Record record(eventy::Kind::event, "urn:bench", "Clicked", "urn:bench");
  std::string key = "key-" + std::to_string(n % keys);
  record.set_partition_key(key);
  record.data = {{"n", {static_cast<std::int64_t>(n)}}, {"page", {"/page/" + std::to_string(n % 97)}}};
  return {.key = std::move(key), .value = eventy::encode(record, encoder)};
}

int feed(const eventy::CommandContext& at) {
  const auto total = at.options.number("--records"), keys = at.options.number("--keys", 1);
  const std::string topic = at.topic_of(eventy::Kind::event, "urn:bench");
  at.store.ensure_topics({{topic, at.partitions}}).value();
  const auto encoder = at.serializer_of(topic).make_encoder();
  std::vector<eventy::NewRecord> records;
  for (std::uint64_t n = 0; n < total; ++n) {
    records.push_back(clicked(n, keys, *encoder));
    if (records.size() < batch && n + 1 < total) continue;
    (void)at.append(topic, std::exchange(records, {})).value();
  }
  fmt::print("{} records of {} keys are in {}\n", total, keys, topic);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  eventy::App app;
  app.description = "Counts Clicked events per key";
  app.services = [](const eventy::Arguments&) { return std::vector{counter::service()}; };
  app.commands = {{.name = "feed",
                   .help = "Write Clicked events to bench-events; no node may run on the data meanwhile",
                   .options = {{.name = "--records", .help = "number of records", .default_value = "1000"},
                               {.name = "--keys", .help = "number of keys", .default_value = "10"}},
                   .access = eventy::StoreAccess::read_write,
                   .run = feed}};
  return eventy::run(argc, argv, std::move(app));
}
