#include "backlog.hpp"

#include <algorithm>
#include <utility>

namespace eventy::detail {

WriteGroup::WriteGroup(std::span<const LocalState::Change> changes, LogPosition place)
    : place_(std::move(place)) {
  std::size_t size = 0;
  for (const auto& [key, value] : changes) size += key.size() + (value ? value->size() : 0);
  bytes_.reserve(size);  // so that views into it stay valid
  changes_.reserve(changes.size());
  for (const std::uint32_t i : in_key_order(changes)) {
    const auto& [key, value] = changes[i];
    if (!changes_.empty() && changes_.back().first == key) changes_.pop_back();
    const auto kept = keep(key);
    changes_.emplace_back(kept, value ? std::optional(keep(*value)) : std::nullopt);
  }
}

const LocalState::Change* WriteGroup::find(std::string_view key) const {
  const auto it = std::lower_bound(changes_.begin(), changes_.end(), key,
                                   [](const auto& change, std::string_view k) { return change.first < k; });
  return it != changes_.end() && it->first == key ? &*it : nullptr;
}

std::string_view WriteGroup::keep(std::string_view text) {
  const std::size_t at = bytes_.size();
  bytes_.append(text);
  return std::string_view(bytes_).substr(at);
}

void Recent::put(std::span<const LocalState::Change> changes, const LogPosition& place) {
  for (const auto& [key, value] : changes) {
    auto at = values_.find(key);
    if (at == values_.end()) {
      at = values_.emplace(key, std::nullopt).first;
      bytes_ += key.size() + sizeof *at;
    }
    bytes_ += (value ? value->size() : 0);
    bytes_ -= at->second ? at->second->size() : 0;
    if (value && at->second)
      at->second->assign(*value);
    else
      at->second = value;
  }
  place_ = place;
  if (!std::exchange(any_, true)) since_ = std::chrono::steady_clock::now();
}

const std::optional<std::string>* Recent::find(std::string_view key) const {
  const auto at = values_.find(key);
  return at == values_.end() ? nullptr : &at->second;
}

std::unique_ptr<const WriteGroup> Recent::batch() const {
  const std::vector<LocalState::Change> changes(values_.begin(), values_.end());
  return std::make_unique<const WriteGroup>(changes, place_);
}

Result<std::optional<std::string>> Backlog::get(std::string_view key) const {
  {
    const std::shared_lock lock(waiting_);
    if (later_) return later_->get(key);
    if (const auto* value = recent_.find(key)) return *value;
    for (auto it = batches_.rbegin(); it != batches_.rend(); ++it)
      if (const auto* change = (*it)->find(key))
        return change->second ? std::optional(std::string(*change->second)) : std::nullopt;
  }
  return behind_->get(key);  // what was written meanwhile is in the slower copy
}

Result<bool> Backlog::apply(std::span<const LocalState::Change> changes, const LogPosition& place) {
  if (failed_ || waiting_bytes_ > options_.limit || nothing_waits_on()) {
    const std::lock_guard lock(writing_);
    if (failed_)
      if (auto written = write_one(); !written) return written.error();
    if (auto kept = keep_to_limit(); !kept) return kept.error();
    if (nothing_waits_on() && !waits_) {
      auto applied = behind_->apply(changes, place);
      return applied ? Result<bool>(false) : applied.error();
    }
  }
  std::unique_lock lock(waiting_);
  if (ended_) {
    lock.unlock();
    return apply(changes, place);
  }
  waiting_bytes_ -= recent_.bytes();
  recent_.put(changes, place);
  waiting_bytes_ += recent_.bytes();
  return !waits_.exchange(true);
}

Result<void> Backlog::load(std::span<const LocalState::Change> changes, const LogPosition& place) {
  const std::lock_guard lock(writing_);
  if (auto kept = keep_to_limit(); !kept) return kept;
  if (ended_) return behind_->apply(changes, place);
  auto batch = std::make_unique<const WriteGroup>(changes, place);
  const std::unique_lock waiting(waiting_);
  end_recent();
  push(std::move(batch));
  return {};
}

Result<LogPosition> Backlog::place() const {
  const std::shared_lock lock(waiting_);
  if (recent_.any()) return recent_.place();
  return waits_ ? batches_.back()->place() : behind_->place();
}

Result<void> Backlog::clear() {
  const std::lock_guard lock(writing_);
  drop();
  return behind_->clear();
}

std::optional<SteadyTime> Backlog::due(SteadyTime loads_end) const {
  const std::shared_lock lock(waiting_);
  if (!batches_.empty()) return loads_end;
  if (recent_.any()) return recent_.since() + options_.delay;
  return std::nullopt;
}

Result<void> Backlog::write_next() {
  const std::lock_guard lock(writing_);
  return write_one();
}

void Backlog::write_all() {
  while (waits_)
    if (!write_next()) return;
}

void Backlog::end() {
  const std::lock_guard lock(writing_);
  {
    const std::unique_lock waiting(waiting_);
    ended_ = true;
  }
  while (waits_)
    if (!write_one()) break;
  drop();
}

void Backlog::replace_by(std::shared_ptr<const Backlog> later) {
  const std::unique_lock lock(waiting_);
  later_ = std::move(later);
}

Result<void> Backlog::write_one() {
  const WriteGroup* oldest = nullptr;
  {
    const std::unique_lock lock(waiting_);
    if (!waits_) return {};
    if (batches_.empty()) end_recent();
    oldest = batches_.front().get();
  }
  auto written = behind_->apply(oldest->changes(), oldest->place());
  failed_ = !written;
  if (!written) return written;
  const std::unique_lock lock(waiting_);
  pop();
  return {};
}

Result<void> Backlog::keep_to_limit() {
  while (waits_ && waiting_bytes_ > options_.limit)
    if (auto written = write_one(); !written) return written;
  return {};
}

void Backlog::push(std::unique_ptr<const WriteGroup> batch) {
  waiting_bytes_ += batch->size();
  batches_.push_back(std::move(batch));
  waits_ = true;
}

void Backlog::pop() {
  waiting_bytes_ -= batches_.front()->size();
  batches_.pop_front();
  waits_ = !batches_.empty() || recent_.any();
}

void Backlog::end_recent() {
  if (!recent_.any()) return;
  push(recent_.batch());
  forget_recent();
}

void Backlog::forget_recent() {
  waiting_bytes_ -= recent_.bytes();
  recent_ = {};
}

void Backlog::drop() {
  const std::unique_lock lock(waiting_);
  forget_recent();
  while (!batches_.empty()) pop();
  waits_ = failed_ = false;
}

}  // namespace eventy::detail
