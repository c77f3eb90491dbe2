// What a store, the bridge and a partition exchange: batches of records, in one slab without copies, and the
// encoded effects of a slice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventy/core/serializer.hpp"
#include "eventy/core/types.hpp"

namespace eventy {

struct Header {
  std::string_view name, value;
};

// A record as a store keeps it: views into the batch's slab.
struct StoredRecord {
  Offset offset = {};
  std::optional<std::string_view> key = {};
  std::string_view value = {};
  std::uint32_t first_header = 0, headers = 0;  // into Batch::headers
  bool tombstone = false;                       // no value, as opposed to an empty one
};

// Records of one topic partition, in the order of their offsets, which may have gaps. Immutable once
// returned; threads share it as std::shared_ptr<const Batch>. Every value is followed by value_padding
// readable bytes.
struct Batch {
  TopicIndex topic = {};
  PartitionId partition = {};
  std::vector<StoredRecord> records = {};
  std::vector<Header> headers = {};
  std::string slab = {};  // owns the bytes, unless `keep` does
  std::shared_ptr<const void> keep = {};
  Offset next = {};  // the position after this batch; at least the last offset + 1
};

// Encoded records to write: one growing buffer and one entry per record. Reusable: clear() keeps the memory.
struct OutputBuffer {
  struct Entry {
    TopicIndex topic = {};
    PartitionId partition = {};
    std::size_t key_at = 0;
    std::size_t value_at = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    bool has_key = false;
    bool tombstone = false;  // the record has no value
    std::uint32_t first_header = 0, headers = 0;
  };
  struct HeaderEntry {
    std::size_t name_at = 0, value_at = 0;
    std::uint32_t name_size = 0, value_size = 0;
  };
  std::string bytes = {};
  std::vector<Entry> entries = {};
  std::vector<HeaderEntry> headers = {};

  // The fill level of a buffer.
  struct Savepoint {
    std::size_t bytes = 0, entries = 0, headers = 0;
  };
  // Appends what `other` holds after `from`.
  void append(const OutputBuffer& other, const Savepoint& from) {
    const std::size_t shift = bytes.size() - from.bytes;  // wraps if negative; adding it wraps back
    const auto header_shift = static_cast<std::uint32_t>(headers.size() - from.headers);
    bytes.append(other.bytes, from.bytes);
    for (std::size_t i = from.entries; i < other.entries.size(); ++i) {
      auto entry = other.entries[i];
      entry.key_at += shift, entry.value_at += shift, entry.first_header += header_shift;
      entries.push_back(entry);
    }
    for (std::size_t i = from.headers; i < other.headers.size(); ++i) {
      auto header = other.headers[i];
      header.name_at += shift, header.value_at += shift;
      headers.push_back(header);
    }
  }

  bool empty() const { return entries.empty(); }
  void clear() { bytes.clear(), entries.clear(), headers.clear(); }
  std::string_view key(const Entry& e) const { return std::string_view(bytes).substr(e.key_at, e.key_size); }
  std::string_view value(const Entry& e) const {
    return std::string_view(bytes).substr(e.value_at, e.value_size);
  }
  // The key and the value of an entry; nullopt: it has none.
  std::optional<std::string_view> key_or_null(const Entry& e) const {
    return e.has_key ? std::optional(key(e)) : std::nullopt;
  }
  std::optional<std::string_view> value_or_null(const Entry& e) const {
    return e.tombstone ? std::nullopt : std::optional(value(e));
  }
  Header header(const HeaderEntry& h) const {
    return {std::string_view(bytes).substr(h.name_at, h.name_size),
            std::string_view(bytes).substr(h.value_at, h.value_size)};
  }
};

// The new value of one key of a state; no value: the key is deleted.
struct StateChange {
  KeyspaceIndex keyspace = {};
  std::string key = {};
  std::optional<std::string> value = {};
};

struct NextOffset {
  TopicIndex topic = {};
  Offset next = {};
};

// What one slice of one partition adds to a cycle. Shared with the store as std::shared_ptr<const
// SliceEffects>, and immutable from then on.
struct SliceEffects {
  PartitionId partition = {};
  std::vector<NextOffset> positions = {};  // the next offset to read, for each topic that the slice read
  OutputBuffer outputs = {};               // written in the transaction
  std::vector<StateChange> state = {};
  std::size_t size = 0;  // bytes of outputs and state; set by measure()

  // Computes `size`. Call it when the slice is complete: limits of stores and engine count on it.
  void measure() {
    size = outputs.bytes.size();
    for (const auto& change : state) size += change.key.size() + (change.value ? change.value->size() : 0);
  }
};

// Effects that are complete, with their size.
inline std::shared_ptr<const SliceEffects> complete(SliceEffects effects) {
  effects.measure();
  return std::make_shared<const SliceEffects>(std::move(effects));
}

}  // namespace eventy
