#include "eventy/store/chunk.hpp"

#include <bit>
#include <cstring>

#include "eventy/store/crc32c.hpp"

namespace eventy {
namespace {

static_assert(std::endian::native == std::endian::little, "chunks are little-endian on disk");

constexpr std::uint32_t none = 0xffffffff;  // size of an absent key or value
constexpr std::size_t record_header_size = 12;
constexpr std::size_t spare_chunks = 64;

std::uint32_t size_or_none(const std::optional<std::string_view>& bytes) {
  return bytes ? static_cast<std::uint32_t>(bytes->size()) : none;
}
std::size_t bytes_of(std::uint32_t size) { return size == none ? 0 : size; }

std::uint32_t load32(const char* at) {
  std::uint32_t v;
  std::memcpy(&v, at, sizeof v);
  return v;
}
std::uint64_t load64(const char* at) {
  std::uint64_t v;
  std::memcpy(&v, at, sizeof v);
  return v;
}
void store32(char* at, std::uint32_t v) { std::memcpy(at, &v, sizeof v); }
void store64(char* at, std::uint64_t v) { std::memcpy(at, &v, sizeof v); }

std::uint32_t checksum_of(std::uint32_t count, std::uint64_t first, std::string_view body,
                          std::uint64_t place) {
  char fields[20];
  store64(fields, place), store32(fields + 8, count), store64(fields + 12, first);
  return crc32c(body, crc32c({fields, sizeof fields}));
}

Error corrupt(std::string what) { return {ErrorCode::corrupt, "chunk: " + std::move(what)}; }

// The size of the record at `at`, or 0 if it does not fit into `left` bytes.
std::size_t record_size(const char* at, std::size_t left) {
  if (left < record_header_size) return 0;
  const std::uint32_t key = load32(at), value = load32(at + 4), headers = load32(at + 8);
  std::size_t size = record_header_size + bytes_of(key) + bytes_of(value);
  if (size > left) return 0;
  std::size_t walked = record_header_size;
  for (std::uint32_t i = 0; i < headers; ++i) {
    if (left - walked < 8) return 0;
    const std::size_t header = 8 + std::size_t{load32(at + walked)} + load32(at + walked + 4);
    walked += header, size += header;
    if (size > left) return 0;
  }
  return size;
}

}  // namespace

void ChunkBody::add(std::optional<std::string_view> key, std::optional<std::string_view> value,
                    std::span<const Header> headers) {
  char fixed[record_header_size];
  store32(fixed, size_or_none(key));
  store32(fixed + 4, size_or_none(value));
  store32(fixed + 8, static_cast<std::uint32_t>(headers.size()));
  bytes.append(fixed, sizeof fixed);
  for (const Header& h : headers) {
    store32(fixed, static_cast<std::uint32_t>(h.name.size()));
    store32(fixed + 4, static_cast<std::uint32_t>(h.value.size()));
    bytes.append(fixed, 8).append(h.name).append(h.value);
  }
  if (key) bytes.append(*key);
  if (value) bytes.append(*value);
  ++count;
}

void ChunkBody::seal_header(Offset first, char (&header)[chunk_header_size], Checksum checksum,
                            std::uint64_t place) const {
  const auto offset = static_cast<std::uint64_t>(first.value);
  store32(header, checksum == Checksum::verify ? checksum_of(count, offset, bytes, place) : 0);
  store32(header + 4, count);
  store64(header + 8, offset);
}

StagedChunks::StagedChunks(const std::vector<std::uint32_t>& partition_counts) {
  for (std::uint32_t topic = 0; topic < partition_counts.size(); ++topic) {
    first_run_.push_back(runs_.size());
    for (std::uint32_t p = 0; p < partition_counts[topic]; ++p)
      runs_.push_back({TopicIndex{topic}, PartitionId{p}, {}});
  }
}

ChunkBody& StagedChunks::open_chunk(Run& run) {
  if (run.chunks.empty()) touched_.push_back(static_cast<std::size_t>(&run - runs_.data()));
  ChunkBody& chunk = run.chunks.emplace_back();
  if (!spare_.empty()) {
    chunk.bytes = std::move(spare_.back());
    spare_.pop_back();
  }
  return chunk;
}

void StagedChunks::add(TopicIndex topic, PartitionId partition, std::optional<std::string_view> key,
                       std::optional<std::string_view> value, std::span<const Header> headers) {
  Run& run = runs_[first_run_[topic.value] + partition.value];
  const bool full =
      run.chunks.empty() || run.chunks.back().bytes.size() + value.value_or("").size() > chunk_target_size;
  (full ? open_chunk(run) : run.chunks.back()).add(key, value, headers);
}

void StagedChunks::add(const OutputBuffer& outputs) {
  for (const auto& e : outputs.entries) {
    headers_.clear();
    for (std::uint32_t i = 0; i < e.headers; ++i)
      headers_.push_back(outputs.header(outputs.headers[e.first_header + i]));
    add(e.topic, e.partition, outputs.key_or_null(e), outputs.value_or_null(e), headers_);
  }
}

void StagedChunks::clear() {
  for (std::size_t at : touched_) {
    for (ChunkBody& chunk : runs_[at].chunks) {
      if (spare_.size() >= spare_chunks || chunk.bytes.capacity() > 2 * chunk_target_size) continue;
      chunk.bytes.clear();
      spare_.push_back(std::move(chunk.bytes));
    }
    runs_[at].chunks.clear();
  }
  touched_.clear();
}

std::vector<StagedChunks::Run*> StagedChunks::runs() {
  std::vector<Run*> result;
  result.reserve(touched_.size());
  for (std::size_t at : touched_) result.push_back(&runs_[at]);
  return result;
}

Result<ChunkStretch> select_records(std::string_view chunk, Offset from, const StretchLimits& limits,
                                    Checksum checksum, std::uint64_t place) {
  if (chunk.size() < chunk_header_size) return corrupt("shorter than its header");
  const std::uint32_t count = load32(chunk.data() + 4);
  const std::uint64_t first = load64(chunk.data() + 8);
  const std::string_view body = chunk.substr(chunk_header_size);
  if (checksum == Checksum::verify && load32(chunk.data()) != checksum_of(count, first, body, place))
    return corrupt("its checksum does not match");
  const auto wanted = static_cast<std::uint64_t>(from.value);
  if (wanted < first || wanted - first >= count) return corrupt("it does not hold the offset");

  std::size_t at = 0;
  const auto skip = static_cast<std::uint32_t>(wanted - first);
  for (std::uint32_t i = 0; i < skip; ++i) {
    const std::size_t size = record_size(body.data() + at, body.size() - at);
    if (size == 0) return corrupt("a record passes its end");
    at += size;
  }
  ChunkStretch stretch{body.substr(at), from, 0};
  std::size_t taken = 0;
  while (stretch.count < count - skip && stretch.count < limits.max_records) {
    const std::size_t size = record_size(body.data() + at, body.size() - at);
    if (size == 0) return corrupt("a record passes its end");
    if (taken + size > limits.max_bytes && !(limits.at_least_one && stretch.count == 0)) break;
    at += size, taken += size, ++stretch.count;
  }
  stretch.bytes = stretch.bytes.substr(0, taken);
  return stretch;
}

void index_records(const ChunkStretch& stretch, Batch& batch) {
  const char* at = stretch.bytes.data();
  for (std::uint32_t i = 0; i < stretch.count; ++i) {
    const std::uint32_t key = load32(at), value = load32(at + 4), headers = load32(at + 8);
    at += record_header_size;
    StoredRecord& record = batch.records.emplace_back();
    record.offset = Offset{stretch.first.value + i};
    record.first_header = static_cast<std::uint32_t>(batch.headers.size());
    record.headers = headers;
    for (std::uint32_t h = 0; h < headers; ++h) {
      const std::uint32_t name_size = load32(at), value_size = load32(at + 4);
      batch.headers.push_back({{at + 8, name_size}, {at + 8 + name_size, value_size}});
      at += 8 + name_size + value_size;
    }
    if (key != none) record.key = std::string_view(at, key), at += key;
    record.tombstone = value == none;
    record.value = std::string_view(at, bytes_of(value));
    at += record.value.size();
  }
}

}  // namespace eventy
