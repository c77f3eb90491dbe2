// What the memory store and its sessions share. MemoryImpl::mutex guards all of it.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "eventy/store/chunk.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/store/rules.hpp"

namespace eventy {
namespace detail {

// The records of one topic partition: immutable chunks, which returned batches share.
struct MemoryLog {
  struct Chunk {
    Offset first = {};
    std::string bytes = {};  // header, body, padding
    std::string_view view = {};
  };
  std::vector<std::shared_ptr<const Chunk>> chunks = {};
  Offset end = {};

  void push(const ChunkBody& body);
  Result<std::shared_ptr<const Batch>> read(TopicIndex topic, PartitionId partition, Offset from,
                                            const PollLimits& limits) const;
};

struct StateKeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};
using MemoryKeyspace = std::unordered_map<std::string, std::string, StateKeyHash, std::equal_to<>>;

// An open or uncommitted cycle.
struct MemoryCycle {
  explicit MemoryCycle(const std::vector<std::uint32_t>& counts) : outputs(counts) {}
  struct Position {
    PartitionId partition = {};
    NextOffset next = {};
  };
  struct Change {
    PartitionId partition = {};
    StateChange change = {};
  };
  StagedChunks outputs;
  std::vector<Position> positions = {};
  std::vector<Change> state = {};
  std::set<PartitionId> partitions = {};

  void clear();
};

// A session, as the store sees it.
struct MemoryMember {
  enum class Hold : std::uint8_t { restoring, active, revoked, lost };
  struct Owned {
    Hold hold = Hold::restoring;
    std::map<TopicIndex, Offset> cursor = {};
    std::shared_ptr<std::atomic<bool>> readable = {};
  };
  struct InFlight {
    CycleId cycle = {};
    MemoryStore::CommitFate fate = {};
    std::optional<Error> refused = {};
    bool reported_unknown = false;
    std::unique_ptr<MemoryCycle> held = {};
  };

  SessionOptions options = {};
  SessionShape shape = {};
  std::function<void()> wake = {};
  std::optional<Error> ended = {};  // if set, every further call fails with it
  std::deque<StoreEvent> events = {};
  std::map<PartitionId, Owned> owned = {};
  std::set<PartitionId> paused = {};
  std::unique_ptr<MemoryCycle> open = {};
  std::optional<InFlight> in_flight = {};

  void notify() const {
    if (wake) wake();
  }
  std::size_t held_partitions() const;  // without revoked and lost ones
};

struct MemoryService {
  std::map<std::pair<std::string, PartitionId>, Offset> positions = {};
  std::map<std::pair<std::string, PartitionId>, MemoryKeyspace> state = {};
  std::vector<std::shared_ptr<MemoryMember>> members = {};        // in the order of joining
  std::map<PartitionId, std::weak_ptr<MemoryMember>> heirs = {};  // the next owner of a revoked partition
  std::deque<MemoryStore::CommitFate> fates = {};
  bool hold_restore = false;
};

struct MemoryImpl {
  mutable std::mutex mutex = {};
  std::map<std::string, std::vector<MemoryLog>> topics = {};
  std::map<std::string, MemoryService> services = {};

  using Member = MemoryMember;
  using Service = MemoryService;

  CountOf count_of() const;
  // --- membership (memory_members.cpp) ---
  Result<void> start(const SessionOptions& options, const SessionShape& shape);
  std::shared_ptr<Member> join(const std::shared_ptr<Member>& member);
  void give(Service& service, Member& member, const std::vector<PartitionId>& partitions);
  void restored(Service& service, Member& member, PartitionId partition);
  void revoke(Member& member, PartitionId partition);
  void lose(Member& member, PartitionId partition);
  void release(Member& member, const std::vector<PartitionId>& partitions);
  void leave(const std::shared_ptr<Member>& member);
  Member* owner(Service& service, PartitionId partition);
  // --- cycles (memory_session.cpp) ---
  void commit(Member& member, CycleId cycle);
  void apply(Member& member, MemoryStore::CommitFate fate, std::unique_ptr<MemoryCycle> cycle);
  void store(const SessionOptions& options, StagedChunks& outputs);
  void rewind(Member& member);
  void wake_readers(const std::set<std::string>& topics);

  std::weak_ptr<MemoryImpl> self = {};  // for readers and sessions that outlive the store
};

std::unique_ptr<StoreSession> make_memory_session(std::shared_ptr<MemoryImpl> store,
                                                  std::shared_ptr<MemoryMember> member);
std::shared_ptr<const StateReader> make_memory_reader(std::shared_ptr<MemoryImpl> store,
                                                      const MemoryMember& member, PartitionId partition,
                                                      std::shared_ptr<std::atomic<bool>> readable);
}  // namespace detail
}  // namespace eventy
