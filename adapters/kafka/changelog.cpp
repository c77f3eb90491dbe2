#include "changelog.hpp"

#include <deque>

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {
constexpr std::size_t batch_bytes = 4u << 20;
}

Result<void> restore(Client& client, const std::string& service, PartitionId partition, LocalState& copy,
                     const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const std::string topic = changelog_of(service);
  // All that was written, decided or not: the reader waits for what is not.
  auto ends = client.ends_of(topic, partition, Isolation::read_uncommitted);
  if (!ends) return ends.error();
  auto place = copy.place();
  if (!place) return place.error();
  Offset from = place->next;
  if (from.value != 0 && (from < ends->first || from > ends->end)) {
    if (auto cleared = copy.clear(); !cleared) return cleared;
    from = Offset{};
  }
  const Offset start = std::max(from, ends->first);
  if (start >= ends->end) return {};
  auto reader = PartitionReader::open(client, topic, partition, start);
  if (!reader) return reader.error();

  std::deque<std::pair<std::string, std::optional<std::string>>> read;
  std::size_t bytes = 0;
  while ((*reader)->next() < ends->end) {
    auto more = (*reader)->read_to(ends->end, [&](const rd_kafka_message_t& m) {
      auto& [key, value] =
          read.emplace_back(std::string(static_cast<const char*>(m.key), m.key_len), std::nullopt);
      if (m.payload) value.emplace(static_cast<const char*>(m.payload), m.len);
      bytes += m.key_len + m.len;
      return bytes < batch_bytes;
    });
    if (!more) return more;
    std::vector<LocalState::Change> changes;
    for (const auto& [key, value] : read) changes.emplace_back(key, value);
    if (auto applied = copy.apply(changes, LogPlace{.next = (*reader)->next()}); !applied) return applied;
    read.clear(), bytes = 0;
    progress(static_cast<std::uint64_t>((*reader)->next().value - start.value),
             static_cast<std::uint64_t>(ends->end.value - start.value));
  }
  return {};
}

}  // namespace eventy::kafka::detail
