#include <thread>

#include "eventy/store/rules.hpp"
#include "eventy/store/topic_reader.hpp"

namespace eventy {
namespace {

constexpr Duration between_rounds{1};

class PollingTopicReader final : public TopicReader {
 public:
  explicit PollingTopicReader(RecordStore& store) : store_(store) {}

  Result<TopicIndex> add(const std::string& topic) override {
    const auto topics = store_.topics();
    if (!topics) return topics.error();
    for (const auto& spec : *topics)
      if (spec.name == topic) return add(spec);
    return no_topic(topic);
  }

  Result<std::vector<std::shared_ptr<const Batch>>> poll(const PollLimits& limits, Duration wait) override {
    const auto until = std::chrono::steady_clock::now() + wait;
    for (;;) {
      auto found = round(limits);
      if (!found || !found->empty() || std::chrono::steady_clock::now() >= until) return found;
      std::this_thread::sleep_for(between_rounds);
    }
  }

 private:
  struct Place {
    TopicIndex topic;
    std::unique_ptr<RecordReader> reader;
  };

  Result<TopicIndex> add(const TopicSpec& spec) {
    const TopicIndex topic{topics_++};
    for (std::uint32_t p = 0; p < spec.partitions; ++p) {
      const auto end = store_.end_of(spec.name, {p});
      if (!end) return end.error();
      auto reader = store_.read(spec.name, {p}, *end);
      if (!reader) return reader.error();
      places_.push_back({topic, *std::move(reader)});
    }
    return topic;
  }

  Result<std::vector<std::shared_ptr<const Batch>>> round(const PollLimits& limits) {
    std::vector<std::shared_ptr<const Batch>> found;
    for (auto& place : places_) {
      auto batch = place.reader->next(limits);
      if (!batch) return batch.error();
      if ((*batch)->records.empty()) continue;
      auto own = std::make_shared<Batch>();
      *own = Batch{.topic = place.topic,
                   .partition = (*batch)->partition,
                   .records = (*batch)->records,
                   .headers = (*batch)->headers,
                   .keep = *batch,
                   .next = (*batch)->next};
      found.push_back(std::move(own));
    }
    return found;
  }

  RecordStore& store_;
  std::uint32_t topics_ = 0;
  std::vector<Place> places_ = {};
};

}  // namespace

std::unique_ptr<TopicReader> make_polling_topic_reader(RecordStore& store) {
  return std::make_unique<PollingTopicReader>(store);
}

Result<std::unique_ptr<TopicReader>> RecordStore::open_topic_reader() {
  return make_polling_topic_reader(*this);
}

}  // namespace eventy
