// Follows the committed records of whole topics, from their ends on. A client reads responses with one. Made
// by RecordStore::open_topic_reader(). One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eventy/store/record_store.hpp"

namespace eventy {

class TopicReader {
 public:
  virtual ~TopicReader() = default;
  // Follows one more topic: what is stored after this call returns is read. Its index, which batches carry.
  virtual Result<TopicIndex> add(const std::string& topic) = 0;
  // Waits at most so long for records, and returns what has come: the records of each topic partition in
  // order. A passing error of the store is none here: the records come later.
  virtual Result<std::vector<std::shared_ptr<const Batch>>> poll(const PollLimits& limits, Duration wait) = 0;
};

// For stores whose RecordReader::next() is cheap: asks each partition in turn, once a millisecond while it
// waits. `store` must outlive it.
std::unique_ptr<TopicReader> make_polling_topic_reader(RecordStore& store);

}  // namespace eventy
