// Reads records: copies chunks from the database into one slab, then indexes the slab in one pass.
#include <algorithm>

#include "core.hpp"
#include "eventy/core/serializer.hpp"
#include "keys.hpp"

namespace eventy::rocksdb::detail {
namespace {

struct Copied {
  std::size_t at = 0, size = 0;
  Offset first = {};
  std::uint32_t count = 0;
};

std::string place_of(const Topic& topic, PartitionId partition, Offset offset) {
  return "topic " + printable(topic.name) + " partition " + std::to_string(partition.value) + " offset " +
         std::to_string(offset.value);
}

Error damaged(const Database& database, const std::string& place, const std::string& what) {
  return {ErrorCode::corrupt, database_folder(database.options().path).string() + ": " + place + ": " + what};
}

std::unique_ptr<Batch> index(std::unique_ptr<Batch> batch, const std::vector<Copied>& stretches) {
  batch->slab.append(value_padding, '\0');
  std::size_t count = 0;
  for (const auto& s : stretches) count += s.count;
  batch->records.reserve(count);
  for (const auto& s : stretches)
    index_records({std::string_view(batch->slab).substr(s.at, s.size), s.first, s.count}, *batch);
  return batch;
}

}  // namespace

Result<std::shared_ptr<const Batch>> Core::read(const Topic& topic, TopicIndex index_of_topic,
                                                PartitionId partition, Offset from, std::optional<Offset> end,
                                                const PollLimits& limits) const {
  auto batch = std::make_unique<Batch>();
  batch->topic = index_of_topic, batch->partition = partition, batch->next = from;
  const std::string last_key = record_key(topic.id, partition.value, -1);  // after every offset
  const auto bound = slice(last_key);
  ::rocksdb::ReadOptions how;
  how.iterate_upper_bound = &bound;
  const auto view = database_->view();
  const auto it = view->iterator(Family::records, how);

  std::vector<Copied> stretches;
  std::size_t records = 0;
  const std::size_t max_records = std::max<std::size_t>(limits.max_records_per_batch, 1);
  it->Seek(record_key(topic.id, partition.value, from.value));
  while (it->Valid() && records < max_records && batch->slab.size() < limits.max_bytes_per_batch) {
    const auto chunk = bytes(it->value());
    auto stretch =
        select_records(chunk, batch->next,
                       {max_records - records, limits.max_bytes_per_batch - batch->slab.size(), records == 0},
                       Checksum::verify, chunk_place(topic, partition));
    if (!stretch)
      return damaged(*database_, place_of(topic, partition, batch->next), stretch.error().message);
    if (stretch->count == 0) break;
    if (records == 0)
      batch->slab.reserve(std::min(limits.max_bytes_per_batch, 2 * chunk.size()) + value_padding);
    stretches.push_back({batch->slab.size(), stretch->bytes.size(), stretch->first, stretch->count});
    batch->slab.append(stretch->bytes);
    records += stretch->count;
    batch->next.value += stretch->count;
    if (it->key().size() != last_key.size())
      return damaged(*database_, place_of(topic, partition, batch->next), "its key is not a key of records");
    const auto last = static_cast<std::int64_t>(get64(bytes(it->key()).substr(8)));
    if (batch->next.value <= last || (end && batch->next >= *end)) break;
    if (records < max_records && batch->slab.size() < limits.max_bytes_per_batch) it->Next();
  }
  if (!it->status().ok()) {
    Error error = database_->error(it->status(), place_of(topic, partition, batch->next));
    return error;
  }
  if (end && records == 0 && from < *end)
    return damaged(*database_, place_of(topic, partition, from), "records are missing");
  return std::shared_ptr<const Batch>(index(std::move(batch), stretches));
}

Result<Offset> Core::stored_end(const Topic& topic, PartitionId partition) const {
  const std::string first = record_key(topic.id, partition.value, 0);
  const std::string last = record_key(topic.id, partition.value, -1);
  const auto lower = slice(first);
  ::rocksdb::ReadOptions how;
  how.iterate_lower_bound = &lower;
  const auto view = database_->view();
  const auto it = view->iterator(Family::records, how);
  it->SeekForPrev(last);
  if (!it->status().ok())
    return database_->error(it->status(), "topic " + printable(topic.name) + " partition " +
                                              std::to_string(partition.value) +
                                              ": cannot read its end offset");
  if (!it->Valid()) return Offset{};
  return Offset{static_cast<std::int64_t>(get64(bytes(it->key()).substr(8))) + 1};
}

}  // namespace eventy::rocksdb::detail
