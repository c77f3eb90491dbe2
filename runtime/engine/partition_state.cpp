// The other half of PartitionEngine: the state of its keys, and the port that turns stage their effects
// through.
#include <spdlog/spdlog.h>

#include <stdexcept>

#include "eventy/engine/partition_engine.hpp"
#include "log_level.hpp"
#include "size_counter.hpp"

namespace eventy {

namespace {
const Context no_context;
}

// --- state ---

PartitionEngine::Entry& PartitionEngine::entry_for(std::string_view key) {
  auto it = cache_.find(key);
  if (it == cache_.end()) {
    it = cache_.emplace(std::string(key), Entry{.value = load(key)}).first;
    it->second.key = &it->first;
  }
  it->second.used = slice_number_;
  return it->second;
}

void* PartitionEngine::load(std::string_view key) const {
  const auto bytes = reader_->get(ServiceRuntime::state_keyspace, key).value();
  if (!bytes) return nullptr;
  std::unique_ptr<void, void (*)(void*)> state(plan_.state->make(), plan_.state->drop);
  try {
    read_state(*plan_.state, *bytes, *state_decoder_, state.get());
  } catch (...) {
    detail::throw_for_state(
        detail::name_of_state(plan_.name, partition_, "the state", key, reader_->place()));
  }
  return state.release();
}

// A state that its store does not take would end the session at the commit, and the next owner's after it.
// Here it is a failure of its turn. Only one that may be near the limit is encoded for it.
void PartitionEngine::check_state_size() {
  if (!edited_in_turn_ || !entry_ || !entry_->value || plan_.state->is_flat) return;
  const std::size_t most = routes_->max_state_size, key = entry_->key->size();
  SizeCounter counter;
  plan_.state->write(counter, entry_->value);
  slice_state_bytes_ += counter.bytes_counted() + key;
  if ((counter.bytes_counted() + key) * SizeCounter::max_bytes_for_one <= most) return;
  measured_.clear();
  write_state(*plan_.state, entry_->value, *state_encoder_, measured_);
  if (measured_.size() + key <= most) return;
  throw std::length_error("a state of " + std::to_string(measured_.size()) + " bytes and its key of " +
                          std::to_string(key) + " are over what the store takes, " + std::to_string(most));
}

// More than a cycle can hold would fail at every redo, and at every owner.
void PartitionEngine::check_outputs_size(std::size_t bytes) const {
  if (bytes <= routes_->max_slice_size) return;
  throw std::length_error("outputs of " + std::to_string(bytes) +
                          " bytes of one record are over a quarter of what a commit cycle may hold, " +
                          std::to_string(routes_->max_slice_size));
}

void PartitionEngine::freeze_state() {
  auto& changes = slice_.effects.state;
  changes.reserve(touched_.size());
  for (Entry* entry : touched_) {
    auto& change = changes.emplace_back(StateChange{ServiceRuntime::state_keyspace, *entry->key});
    if (entry->value) write_state(*plan_.state, entry->value, *state_encoder_, change.value.emplace());
    entry->touched = false;
  }
  touched_.clear();
  entry_ = nullptr;
}

void PartitionEngine::evict() {
  const std::size_t most = runtime_.options().max_cached_keys;
  if (cache_.size() <= most) return;
  // Oldest first would need an order; a sweep that spares what the last slices used is enough, and rarely
  // runs.
  const std::size_t wanted = most - most / 10;
  for (std::uint64_t spared = 8; cache_.size() > wanted; spared /= 2) {
    for (auto it = cache_.begin(); it != cache_.end() && cache_.size() > wanted;) {
      const Entry& e = it->second;
      if (e.dirty <= committed_ && e.used + spared < slice_number_ + (spared == 0 ? 1 : 0)) {
        if (e.value) plan_.state->drop(e.value);
        it = cache_.erase(it);
      } else {
        ++it;
      }
    }
    if (spared == 0) break;
  }
}

void PartitionEngine::drop_cache(bool only_dirty) {
  for (auto it = cache_.begin(); it != cache_.end();) {
    if (only_dirty && it->second.dirty <= committed_) {
      it->second.dirty = 0, it->second.used = 0;
      ++it;
      continue;
    }
    if (it->second.value) plan_.state->drop(it->second.value);
    it = cache_.erase(it);
  }
  touched_.clear();
  entry_ = nullptr;
  undo_taken_ = false;
}

void* PartitionEngine::edit() {
  if (!entry_) throw std::logic_error("this turn has no state");
  edited_in_turn_ = true;
  if (!undo_taken_) {
    // What may throw comes first: without a copy nothing is undone, and nothing has changed.
    if (entry_->value && undo_) plan_.state->assign(undo_, entry_->value);
    if (entry_->value && !undo_) undo_ = plan_.state->copy(entry_->value);
    if (!entry_->touched) touched_.push_back(entry_);
    undo_existed_ = entry_->value != nullptr;
    undo_was_touched_ = std::exchange(entry_->touched, true);
    undo_taken_ = true;
    entry_->dirty = slice_number_;
  }
  if (!entry_->value) entry_->value = plan_.state->make();
  return entry_->value;
}

void PartitionEngine::forget() {
  edit();
  plan_.state->drop(entry_->value);
  entry_->value = nullptr;
}

// Takes back what the turns of this record did to the state of its key. The entry stays dirty, which is safe.
void PartitionEngine::undo_record() {
  if (!undo_taken_) return;
  undo_taken_ = false;
  if (!undo_existed_) {
    if (entry_->value) plan_.state->drop(entry_->value);
    entry_->value = nullptr;
  } else if (entry_->value) {
    plan_.state->assign(entry_->value, undo_);
  } else {
    entry_->value = plan_.state->copy(undo_);
  }
  if (!undo_was_touched_) {
    entry_->touched = false;
    touched_.pop_back();
  }
}

const void* PartitionEngine::state() const { return entry_ ? entry_->value : nullptr; }

// --- what a turn stages ---

Writer& PartitionEngine::begin(const detail::OutputSpec& output) {
  const Context& common = context();
  origin_.context = {.common = common.empty() ? nullptr : &common, .version = context_version_};
  return outbox_.begin(output, origin_, ordinal_, *out_);
}

void PartitionEngine::end() { outbox_.end(); }

void PartitionEngine::abandon() { outbox_.abandon(); }

void PartitionEngine::load_context() {
  if (context_loaded_) return;
  decoder_->read_context(context_);
  context_loaded_ = true;
  ++context_version_;
}

const Context& PartitionEngine::context() {
  if (context_loaded_) return context_;
  if (decoder_->context_is_empty()) return no_context;
  load_context();
  return context_;
}

void PartitionEngine::set_context(std::string name, ContextValue value) {
  if (!context_loaded_) {
    context_.clear();
    if (!decoder_->context_is_empty()) decoder_->read_context(context_);
    context_loaded_ = true;
  }
  context_[plan_.ns][std::move(name)] = std::move(value);
  ++context_version_;
}

void PartitionEngine::log(LogLevel level, std::string_view text) {
  const auto& logger = runtime_.options().log;
  if (!logger) return;
  logger->log(log_level(level), "[{}/{} {}] {}", plan_.name, partition_.value, meta_.correlation_id, text);
}

}  // namespace eventy
