// What the simulated store and its sessions share.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "eventy/store/rules.hpp"
#include "eventy/testing/simulated_store.hpp"

namespace eventy::testing::detail {

struct SimulatedRecord {
  Offset offset = {};
  std::optional<std::string> key = {};
  std::string value = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool tombstone = false;
};

// One topic partition.
struct SimulatedLog {
  std::vector<SimulatedRecord> records = {};
  Offset end = {};

  Offset after_last() const { return records.empty() ? Offset{} : Offset{records.back().offset.value + 1}; }
  void push(SimulatedRecord record);
  std::shared_ptr<const Batch> read(TopicIndex topic, PartitionId partition, Offset from,
                                    const PollLimits& limits) const;
};

struct SimulatedCycle {
  std::vector<std::shared_ptr<const SliceEffects>> slices = {};
};

struct SimulatedMember {
  enum class Hold : std::uint8_t { restoring, active, revoked, lost };
  struct Owned {
    Hold hold = Hold::restoring;
    std::optional<MonotonicTime> restored_at = {};  // while it is being restored
    std::map<TopicIndex, Offset> cursor = {};
    std::shared_ptr<bool> readable = std::make_shared<bool>(true);
  };
  struct Flight {  // a commit in flight
    CycleId cycle = {};
    SimulatedCycle content = {};
    MonotonicTime due = {};
    std::optional<StoreEvent> outcome = {};  // set once decided; poll() reports it
    bool happened = false;
    bool reported = false;  // the session was told UnknownOutcome and must resolve it
  };

  SessionOptions options = {};
  SessionShape shape = {};
  std::function<void()> wake = {};
  std::optional<MonotonicTime> wake_at = {};
  std::optional<Error> ended = {};  // if set, every further call fails with it
  bool dead = false;                // its process is gone
  std::deque<StoreEvent> events = {};
  std::map<PartitionId, Owned> owned = {};
  std::set<PartitionId> paused = {};
  std::optional<SimulatedCycle> open = {};
  std::optional<Flight> flight = {};

  void notify() const {
    if (wake && !dead) wake();
  }
  bool holds(PartitionId partition) const;  // a lost one does not count
  std::size_t share() const;                // owned partitions that are not to be given up
  std::string name() const { return options.node + '/' + options.service; }
};
using Member = SimulatedMember;

struct SimulatedService {
  std::map<std::pair<std::string, PartitionId>, Offset> positions = {};
  std::map<std::pair<std::string, PartitionId>, std::map<std::string, std::string, std::less<>>> state = {};
  std::vector<std::shared_ptr<Member>> members = {};        // in the order of joining
  std::map<PartitionId, std::weak_ptr<Member>> heirs = {};  // the next owner of a revoked partition
  std::uint32_t partitions = 0;

  Offset position(const std::string& topic, PartitionId partition) const;
  Member* owner(PartitionId partition) const;
  Member* of_node(const std::string& node) const;
};

struct SimulatedImpl : std::enable_shared_from_this<SimulatedImpl> {
  SimulatedImpl(const Clock& c, Random& random, Trace& t) : clock(c), chance(random), trace(t) {}
  const Clock& clock;
  Random& chance;
  Trace& trace;
  StoreFaults faults = {};
  std::function<void(const std::string&)> call = {};
  SimulatedStore::Changed changed = [](const auto&, const auto&, const auto&, const auto&) {};
  std::map<std::string, std::vector<SimulatedLog>> topics = {};
  std::map<std::string, SimulatedService> services = {};

  CountOf count_of() const;
  SimulatedService& service_of(const Member& member) { return services[member.options.service]; }
  bool strikes(double probability, std::string_view kind);  // whether this fault happens now; counts it
  void note(const Member& member, const std::string& what);

  // --- members (store_members.cpp) ---
  Result<void> start(const Member& member);
  void join(const std::shared_ptr<Member>& member);
  void give(Member& member, const std::vector<PartitionId>& partitions);
  void restored(Member& member, PartitionId partition, Member::Owned& owned);
  void revoke(Member& member, PartitionId partition);
  void lose(Member& member, PartitionId partition);
  void release(Member& member, const std::vector<PartitionId>& partitions);
  void leave(const std::shared_ptr<Member>& member);
  void place_orphans(SimulatedService& service);

  // --- cycles (store_session.cpp) ---
  void begin_commit(Member& member, CycleId cycle);
  void settle(Member& member);
  void rewind(Member& member);
  void write(const SessionOptions& options, const OutputBuffer& outputs);
  void wake_readers(const std::set<std::string>& changed);
};

std::unique_ptr<StoreSession> make_simulated_session(std::shared_ptr<SimulatedImpl> store,
                                                     std::shared_ptr<Member> member);
std::shared_ptr<const StateReader> make_simulated_reader(std::shared_ptr<SimulatedImpl> store,
                                                         const Member& member, PartitionId partition,
                                                         std::shared_ptr<bool> readable);

}  // namespace eventy::testing::detail
