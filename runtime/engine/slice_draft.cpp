#include "slice_draft.hpp"

#include <algorithm>

namespace eventy {

namespace {

constexpr std::size_t clock_reads_per_slice = 16, max_inputs_per_read = 64;

}  // namespace

void SliceDraft::begin(Epoch epoch, Expected expected) {
  slice_ = {.task = {environment_.partition}, .epoch = epoch};
  slice_.effects.partition = environment_.partition;
  handled_ = 0;
  state_bytes_ = 0;
  if (expected == Expected::nothing) return;
  // A buffer that grows moves its bytes.
  slice_.effects.outputs.bytes.reserve(output_bytes_ + output_bytes_ / 8);
  slice_.effects.outputs.entries.reserve(output_entries_ + output_entries_ / 8);
}

bool SliceDraft::has_taken_long() const {
  return environment_.clock.now() - environment_.now >= environment_.runtime.options().max_time_per_slice;
}

bool SliceDraft::has_position(TopicIndex topic) const {
  const auto& positions = slice_.effects.positions;
  return std::any_of(positions.begin(), positions.end(), [&](auto& p) { return p.topic == topic; });
}

void SliceDraft::moved_to(TopicIndex topic, Offset next) {
  for (auto& known : slice_.effects.positions)
    if (known.topic == topic) return void(known.next = next);
  slice_.effects.positions.push_back({topic, next});
}

Slice SliceDraft::end() {
  output_bytes_ = slice_.effects.outputs.bytes.size();
  output_entries_ = slice_.effects.outputs.entries.size();
  inputs_per_read_ = std::clamp<std::size_t>(slice_.records / clock_reads_per_slice, 1, max_inputs_per_read);
  slice_.effects.measure();
  slice_.number = {number_++};
  return std::move(slice_);
}

}  // namespace eventy
