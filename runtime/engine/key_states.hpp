// The states of a partition's keys: a cache of committed states, with the changes of slices that are not
// committed. Knows nothing of records and handlers. Owned by one PartitionEngine; one thread.
//
// Invariants:
// - A state that a slice has written stays in the cache until that slice is committed. Only clean states are
//   evicted; rewind() drops the others.
// - roll_back() takes the state of the open key back to the last savepoint(). Between two savepoints only one
//   key is edited.
// - A slice gets one after-image of each key that was edited in it: the state when the slice ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eventy/engine/runtime.hpp"

namespace eventy {

class KeyStates {
 public:
  // For a service without state call only close(), savepoint(), roll_back() and what is called with slices.
  KeyStates(std::shared_ptr<const Routes> routes, PartitionId partition,
            std::shared_ptr<const StateReader> committed);
  ~KeyStates();
  KeyStates(const KeyStates&) = delete;
  KeyStates& operator=(const KeyStates&) = delete;

  // --- in a turn ---
  // Opens the key of the turn. Throws std::length_error for a key that is too long to have a state, Failure
  // if its state cannot be read.
  void open(std::string_view key);
  void close() { open_ = nullptr, is_edited_ = false; }                 // the turn has no key
  const void* state() const { return open_ ? open_->value : nullptr; }  // null: the key has none
  void* edit();  // made if absent. Throws std::logic_error if no key is open
  void delete_state();
  bool is_edited() const { return is_edited_; }  // since open()
  // Roughly the size of the open state, if it was edited and may grow. Throws std::length_error for a state
  // that the store does not take: its commit would end this session and that of the next owner.
  std::size_t check_size();

  // --- in a unit of undo ---
  void savepoint() { undo_.is_taken = false; }
  void roll_back();

  // --- with the slices of the partition ---
  void end_slice(std::uint64_t slice, std::vector<StateChange>& into);
  void committed(std::uint64_t up_to) { committed_ = up_to; }
  // Goes back to the last commit. Slices count from 1 again.
  void rewind();

  // A copy of a key's committed state, not of the cached one; null: it has none.
  using Owned = std::unique_ptr<void, void (*)(void*)>;
  Owned load(std::string_view key) const;

  std::size_t cached_keys() const { return cache_.size(); }

 private:
  struct Entry {
    const std::string* key = nullptr;  // in the cache
    void* value = nullptr;             // null: the key has none
    std::uint64_t dirty = 0;           // the last slice that wrote it; 0: none
    std::uint64_t used = 0;            // the last slice that used it
    bool is_touched = false;           // by the slice in the making
  };
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  using Cache = std::unordered_map<std::string, Entry, KeyHash, std::equal_to<>>;
  struct Undo {
    bool is_taken = false, existed = false, was_touched = false;
    Entry* entry = nullptr;  // of the copy
    void* copy = nullptr;    // reused
  };

  Entry& entry_for(std::string_view key);
  void take_undo();
  const std::string& encode(const void* state);  // valid until the next call
  void evict();
  bool may_be_evicted(const Entry& entry, std::uint64_t spared) const;
  void drop(Entry& entry);

  std::shared_ptr<const Routes> routes_;
  const Plan& plan_;
  PartitionId partition_;
  std::shared_ptr<const StateReader> reader_;
  std::unique_ptr<ValueEncoder> encoder_;
  std::unique_ptr<ValueDecoder> decoder_;
  std::string encoded_ = {};  // reused
  Cache cache_ = {};
  Entry* open_ = nullptr;
  bool is_edited_ = false;
  Undo undo_ = {};
  std::vector<Entry*> touched_ = {};
  std::uint64_t slice_ = 1, committed_ = 0;  // the one in the making; the last committed one
};

}  // namespace eventy
