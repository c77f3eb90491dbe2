#include "eventy/store/start.hpp"

#include "eventy/store/rules.hpp"

namespace eventy {

namespace {

Error mistake(const SessionOptions& options, const std::string& topic, const std::string& what) {
  return {ErrorCode::configuration, "service \"" + printable(options.service) +
                                        "\": the offsets at which it " + "starts in topic \"" +
                                        printable(topic) + "\" " + what};
}

Result<Offset> given_offset(const SessionOptions& options, const StartPosition& start,
                            const std::string& topic, PartitionId partition, const StartRange& range) {
  if (partition.value >= start.offsets.size())
    return mistake(options, topic,
                   "are " + std::to_string(start.offsets.size()) + ", and it also reads partition " +
                       std::to_string(partition.value) + ": give an offset for each partition");
  const Offset at = start.offsets[partition.value];
  if (at >= range.first && at <= range.end) return at;
  return mistake(options, topic,
                 "say " + std::to_string(at.value) + " for partition " + std::to_string(partition.value) +
                     ", which holds " + std::to_string(range.first.value) + " to " +
                     std::to_string(range.end.value) + ": give an offset of these");
}

}  // namespace

Result<Offset> start_of(const SessionOptions& options, const std::string& topic, PartitionId partition,
                        const StartRange& range, const FindDate& find_date) {
  const StartPosition& start = options.start.of(topic);
  switch (start.at) {
    case StartPosition::At::latest:
      return range.end;
    case StartPosition::At::date:
      return find_date(start.date);
    case StartPosition::At::offsets:
      return given_offset(options, start, topic, partition, range);
    default:
      return range.first;
  }
}

Result<Offset> start_by_reading(const SessionOptions& options, const std::string& topic,
                                PartitionId partition, const StartRange& range, const ReadFrom& read) {
  return start_of(options, topic, partition, range, [&](WallTime date) -> Result<Offset> {
    for (Offset from = range.first; from < range.end;) {
      const auto batch = read(from);
      if (!batch) return batch.error();
      for (const auto& record : (*batch)->records)
        if (const auto its = options.date_of ? options.date_of(topic, record) : std::nullopt;
            its && *its >= date)
          return record.offset;
      if ((*batch)->next <= from) break;
      from = (*batch)->next;
    }
    return range.end;
  });
}

}  // namespace eventy
