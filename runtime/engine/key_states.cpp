#include "key_states.hpp"

#include <stdexcept>

#include "eventy/store/rules.hpp"
#include "size_counter.hpp"

namespace eventy {

KeyStates::KeyStates(std::shared_ptr<const Routes> routes, PartitionId partition,
                     std::shared_ptr<const StateReader> committed)
    : routes_(std::move(routes)),
      plan_(routes_->runtime->plan()),
      partition_(partition),
      reader_(std::move(committed)),
      encoder_(routes_->runtime->options().state_format->make_encoder()),
      decoder_(routes_->runtime->options().state_format->make_decoder(routes_->runtime->options().limits)) {}

KeyStates::~KeyStates() {
  for (auto& [key, entry] : cache_) drop(entry);
  if (undo_.copy) plan_.state->drop(undo_.copy);
}

void KeyStates::drop(Entry& entry) {
  if (entry.value) plan_.state->drop(entry.value);
  entry.value = nullptr;
}

// --- in a turn ---

void KeyStates::open(std::string_view key) {
  close();
  if (key.size() > max_state_key_bytes)
    throw std::length_error("a key of " + std::to_string(key.size()) +
                            " bytes is over the limit of keys with a state, " +
                            std::to_string(max_state_key_bytes));
  open_ = &entry_for(key);
}

KeyStates::Entry& KeyStates::entry_for(std::string_view key) {
  auto it = cache_.find(key);
  if (it == cache_.end()) {
    Owned state = load(key);
    it = cache_.emplace(std::string(key), Entry{}).first;
    it->second.key = &it->first;
    it->second.value = state.release();
  }
  it->second.used = slice_;
  return it->second;
}

KeyStates::Owned KeyStates::load(std::string_view key) const {
  const auto bytes = reader_->get(ServiceRuntime::state_keyspace, key).value();
  if (!bytes) return {nullptr, plan_.state->drop};
  Owned state(plan_.state->make(), plan_.state->drop);
  try {
    read_state(*plan_.state, *bytes, *decoder_, state.get());
  } catch (...) {
    detail::throw_for_state(
        detail::name_of_state(plan_.name, partition_, "the state", key, reader_->place()));
  }
  return state;
}

void* KeyStates::edit() {
  if (!open_) throw std::logic_error("this turn has no state");
  is_edited_ = true;
  if (!undo_.is_taken) take_undo();
  if (!open_->value) open_->value = plan_.state->make();
  return open_->value;
}

// The copies may throw, so they come first, before anything changes.
void KeyStates::take_undo() {
  if (open_->value && undo_.copy) plan_.state->assign(undo_.copy, open_->value);
  if (open_->value && !undo_.copy) undo_.copy = plan_.state->copy(open_->value);
  if (!open_->is_touched) touched_.push_back(open_);
  undo_.existed = open_->value != nullptr;
  undo_.was_touched = std::exchange(open_->is_touched, true);
  undo_.entry = open_;
  undo_.is_taken = true;
  open_->dirty = slice_;
}

void KeyStates::delete_state() {
  edit();
  drop(*open_);
}

// Encodes the state to measure it only if it may be near the limit.
std::size_t KeyStates::check_size() {
  if (!is_edited_ || !open_->value || plan_.state->is_flat) return 0;
  const std::size_t most = routes_->max_state_bytes, key = open_->key->size();
  SizeCounter counter;
  plan_.state->write(counter, open_->value);
  const std::size_t about = counter.bytes_counted() + key;
  if (about * SizeCounter::max_bytes_for_one <= most) return about;
  const std::size_t size = encode(open_->value).size();
  if (size + key <= most) return about;
  throw std::length_error("a state of " + std::to_string(size) + " bytes and its key of " +
                          std::to_string(key) + " are over what the store takes, " + std::to_string(most));
}

// An encoder leaves room in its string. A slice holds many states until its cycle is committed, so each gets
// a string of its size.
const std::string& KeyStates::encode(const void* state) {
  encoded_.clear();
  write_state(*plan_.state, state, *encoder_, encoded_);
  return encoded_;
}

// --- in a unit of undo ---

// The entry stays dirty, which is safe.
void KeyStates::roll_back() {
  if (!std::exchange(undo_.is_taken, false)) return;
  Entry& entry = *undo_.entry;
  if (!undo_.existed) {
    drop(entry);
  } else if (entry.value) {
    plan_.state->assign(entry.value, undo_.copy);
  } else {
    entry.value = plan_.state->copy(undo_.copy);
  }
  if (undo_.was_touched) return;
  entry.is_touched = false;
  touched_.pop_back();
}

// --- with the slices ---

void KeyStates::end_slice(std::uint64_t slice, std::vector<StateChange>& into) {
  into.reserve(into.size() + touched_.size());
  for (Entry* entry : touched_) {
    auto& change = into.emplace_back(StateChange{ServiceRuntime::state_keyspace, *entry->key});
    if (entry->value) change.value = encode(entry->value);
    entry->is_touched = false;
  }
  touched_.clear();
  close();
  savepoint();
  slice_ = slice + 1;
  evict();
}

bool KeyStates::may_be_evicted(const Entry& entry, std::uint64_t spared) const {
  return entry.dirty <= committed_ && entry.used + spared < slice_ + (spared == 0 ? 1 : 0);
}

void KeyStates::evict() {
  const std::size_t most = routes_->runtime->options().max_cached_keys;
  if (cache_.size() <= most) return;
  // Oldest first would need an order. A sweep that spares what the last slices used is enough; it runs
  // rarely.
  const std::size_t wanted = most - most / 10;
  for (std::uint64_t spared = 8; cache_.size() > wanted; spared /= 2) {
    for (auto it = cache_.begin(); it != cache_.end() && cache_.size() > wanted;) {
      if (may_be_evicted(it->second, spared)) {
        drop(it->second);
        it = cache_.erase(it);
      } else {
        ++it;
      }
    }
    if (spared == 0) break;
  }
}

void KeyStates::rewind() {
  for (auto it = cache_.begin(); it != cache_.end();) {
    if (it->second.dirty <= committed_) {
      it->second.dirty = 0, it->second.used = 0;
      ++it;
      continue;
    }
    drop(it->second);
    it = cache_.erase(it);
  }
  touched_.clear();
  close();
  savepoint();
  slice_ = 1;
  committed_ = 0;
}

}  // namespace eventy
