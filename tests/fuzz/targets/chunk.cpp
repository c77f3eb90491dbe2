// Hostile chunks of records, with and without the right checksum, read from any offset within any limits.
#include "eventy/store/chunk.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;

namespace {

void judge_stretch(const ChunkStretch& stretch, const StretchLimits& limits) {
  fuzz::require(stretch.count <= limits.max_records, "no more records than asked for");
  fuzz::require(stretch.bytes.size() <= limits.max_bytes || (limits.at_least_one && stretch.count == 1),
                "no more bytes than asked for");
  Batch batch;
  index_records(stretch, batch);
  fuzz::require(batch.records.size() == stretch.count, "every record of a stretch has its place");
  ChunkBody body;
  std::vector<Header> headers;
  for (const auto& r : batch.records) {
    headers.assign(batch.headers.begin() + r.first_header,
                   batch.headers.begin() + r.first_header + static_cast<std::ptrdiff_t>(r.headers));
    body.add(r.key, r.tombstone ? std::nullopt : std::optional(r.value), headers);
  }
  fuzz::require(body.bytes == stretch.bytes, "records are put together as they were");
}

}  // namespace

// Checksum and offsets first, then the chunk as it lies in the store.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::Parts parts(fuzz::text_of(data, size));
  const bool repaired = parts.byte() & 1;
  const auto skipped = static_cast<std::int64_t>(parts.byte());
  const StretchLimits limits{parts.byte(), parts.byte() * 16, parts.byte() % 2 == 1};
  std::string chunk(parts.rest());
  std::int64_t first = 0;
  if (chunk.size() >= chunk_header_size) {
    ChunkBody body{chunk.substr(chunk_header_size)};
    chunk.copy(reinterpret_cast<char*>(&body.count), 4, 4);
    chunk.copy(reinterpret_cast<char*>(&first), 8, 8);
    char header[chunk_header_size];
    body.seal_header(Offset{first}, header, Checksum::verify);
    if (repaired) chunk.replace(0, chunk_header_size, header, chunk_header_size);
  }
  std::int64_t from = 0;
  if (__builtin_add_overflow(first, skipped, &from)) return 0;
  const auto stretch = select_records(chunk, Offset{from}, limits, Checksum::verify);
  if (stretch) judge_stretch(*stretch, limits);
  return 0;
}
