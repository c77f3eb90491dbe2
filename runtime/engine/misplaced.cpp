#include "misplaced.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace eventy {

namespace {

constexpr double window = 50;  // records of a topic; older ones count less and less

}  // namespace

MisplacedRecords::MisplacedRecords(const ServiceRuntime& runtime, PartitionId partition,
                                   std::uint32_t partitions)
    : runtime_(runtime), partition_(partition), partitions_(partitions) {
  rewind();
}

void MisplacedRecords::rewind() {
  const Count none{.fitting = {all_partitioners.begin(), all_partitioners.end()}};
  topics_.assign(runtime_.topic_count(), none);
}

void MisplacedRecords::count(Count& into, std::string_view key) const {
  into.looked_at += 1;
  if (partition_of(key, partitions_, runtime_.partitioner()) == partition_) return;
  into.misplaced += 1;
  std::erase_if(into.fitting,
                [&](Partitioner by) { return partition_of(key, partitions_, by) != partition_; });
}

void MisplacedRecords::dead_lettered(TopicIndex topic, std::string_view key) {
  Count& c = topics_[topic.value];
  forget_old(c);
  count(c, key);
}

void MisplacedRecords::forget_old(Count& c) {
  if (c.looked_at > window) {
    c.misplaced = c.misplaced * window / c.looked_at;
    c.looked_at = window;
  }
  if (c.misplaced < 1) c.fitting.assign(all_partitioners.begin(), all_partitioners.end());
}

// Skips what the partition does not handle, and responses: their place comes from their requester's key.
void MisplacedRecords::check(const Run& run, Decoder& decoder, Count& into) const {
  const auto& candidates = runtime_.candidates(run.batch->topic);
  for (std::size_t i = run.first; i < run.batch->records.size(); ++i) {
    try {
      const Envelope& e = decoder.decode(run.batch->records[i].value);
      const bool is_handled = std::any_of(candidates.begin(), candidates.end(),
                                          [&](const auto& c) { return c.plan->handles(e); });
      if (!is_handled || e.kind == Kind::response || e.partition_key.value_or("").empty()) continue;
      count(into, *e.partition_key);
    } catch (const DecodeError&) {  // it becomes a dead letter for that
    }
  }
}

std::optional<std::string> MisplacedRecords::reason_to_pause(std::span<const Run> ahead, Before before) {
  const auto& limits = runtime_.options().misplaced;
  const Batch& batch = *ahead.front().batch;
  Count& known = topics_[batch.topic.value];
  const bool is_decided = batch.records[ahead.front().first].offset < known.decided;
  if (limits.records == 0 || (is_decided && before != Before::paused)) return std::nullopt;
  Count all = known;
  forget_old(all);
  const auto decoder = runtime_.serializer(batch.topic).make_decoder(runtime_.options().limits);
  for (const Run& run : ahead) {
    if (run.batch->topic != batch.topic) continue;
    check(run, *decoder, all);
    all.decided = run.batch->next;
  }
  const bool are_many = all.misplaced >= static_cast<double>(limits.records) &&
                        all.misplaced * 100 >= all.looked_at * limits.percent;
  if (are_many || before == Before::paused) return describe(batch.topic, all);
  known.decided = all.decided;
  return std::nullopt;
}

std::string MisplacedRecords::describe(TopicIndex topic, const Count& all) const {
  const std::string& name = runtime_.topic_name(topic);
  std::string fits, setting = "the partitioner of its producers";
  for (const Partitioner by : all.fitting) {
    fits += fmt::format("{}{} ({})", fits.empty() ? "" : " and ", to_string(by), users_of(by));
    setting = fmt::format("\"{}\"", to_string(all.fitting.front()));
  }
  return fmt::format(
      "{:.0f} of {:.0f} records of topic {} belong to other partitions by {}{}. Set [partitioners] \"{}\" = "
      "{}, and "
      "the "
      "same for all topics that service {} reads; where they are to become dead letters, [failures] "
      "misplaced_records = 0",
      all.misplaced, all.looked_at, name, to_string(runtime_.partitioner()),
      fits.empty() ? "" : ", and all of these belong to this one by " + fits, name, setting,
      runtime_.plan().name);
}

}  // namespace eventy
