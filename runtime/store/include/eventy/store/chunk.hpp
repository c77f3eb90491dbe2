// Chunks: consecutive records of one topic partition in one block of bytes, as the memory store and the
// embedded store keep them. Written once, when a cycle is staged; read into a Batch with at most one copy and
// one pass.
//
// A chunk is a header of 16 bytes and a body:
//   header: u32 CRC32C, u32 count of records, u64 offset of the first record
//   record: u32 size of the key, u32 size of the value (0xffffffff: none), u32 count of headers,
//           per header u32 size of its name, u32 size of its value, name, value; then key, value
// Integers are little-endian. The checksum covers the rest of the header, the body and `place`, a number of
// the store's choice that says where the chunk belongs, so that a chunk read from a wrong place is detected.
// Each object belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventy/core/result.hpp"
#include "eventy/store/batch.hpp"

namespace eventy {

inline constexpr std::size_t chunk_header_size = 16;
// A builder starts a new chunk after this many bytes, so that a reader that starts inside a chunk rereads
// little.
inline constexpr std::size_t chunk_target_size = 512u << 10;
// Stores reject larger records, so that all sizes fit the format with room to spare.
inline constexpr std::size_t max_record_bytes = 256u << 20;

// trust: for bytes that never leave memory, which have no checksum.
enum class Checksum : std::uint8_t { verify, trust };

// The body of a chunk under construction.
struct ChunkBody {
  std::string bytes = {};
  std::uint32_t count = 0;

  void add(std::optional<std::string_view> key, std::optional<std::string_view> value,
           std::span<const Header> headers);
  void seal_header(Offset first, char (&header)[chunk_header_size], Checksum checksum,
                   std::uint64_t place = 0) const;
};

// The chunks of one cycle, for each topic partition that it writes to.
class StagedChunks {
 public:
  // `partition_counts` by topic index.
  explicit StagedChunks(const std::vector<std::uint32_t>& partition_counts);

  void add(const OutputBuffer& outputs);  // the caller has checked topics, partitions and views
  void add(TopicIndex topic, PartitionId partition, std::optional<std::string_view> key,
           std::optional<std::string_view> value, std::span<const Header> headers);
  bool empty() const { return touched_.empty(); }
  void clear();  // keeps the memory for the next cycle

  struct Run {
    TopicIndex topic = {};
    PartitionId partition = {};
    std::vector<ChunkBody> chunks = {};  // in order; none is empty
  };
  // One run per topic partition written to, in the order of the first write.
  std::vector<Run*> runs();

 private:
  ChunkBody& open_chunk(Run& run);

  std::vector<std::size_t> first_run_;  // by topic
  std::vector<Run> runs_;
  std::vector<std::size_t> touched_;
  std::vector<std::string> spare_;
  std::vector<Header> headers_;  // reused
};

// Consecutive whole records of a chunk.
struct ChunkStretch {
  std::string_view bytes = {};
  Offset first = {};
  std::uint32_t count = 0;
};

struct StretchLimits {
  std::size_t max_records = 0, max_bytes = 0;
  bool at_least_one = false;  // the first record is taken even if it alone passes max_bytes
};
// The records of `chunk` from offset `from` that fit both limits. ErrorCode::corrupt if the bytes are not a
// chunk or do not contain that offset.
Result<ChunkStretch> select_records(std::string_view chunk, Offset from, const StretchLimits& limits,
                                    Checksum checksum, std::uint64_t place = 0);

// Appends views of a stretch's records. The stretch is one that select_records() returned, or holds a copy of
// its bytes.
void index_records(const ChunkStretch& stretch, Batch& batch);

}  // namespace eventy
