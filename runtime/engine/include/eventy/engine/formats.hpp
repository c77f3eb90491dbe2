// The decoders or encoders of the topics of a service, one for each format. Owned by one partition; one
// thread.
#pragma once

#include <memory>
#include <vector>

#include "eventy/engine/runtime.hpp"

namespace eventy {

template <class T>
class PerTopic {
 public:
  // `make` returns a std::unique_ptr<T>; it is called once for each serializer of the runtime's topics.
  template <class Make>
  PerTopic(const ServiceRuntime& runtime, Make make) {
    std::vector<const Serializer*> known;
    for (std::uint32_t t = 0; t < runtime.topic_count(); ++t) {
      const Serializer* serializer = &runtime.serializer({t});
      std::size_t at = 0;
      while (at < known.size() && known[at] != serializer) ++at;
      if (at == known.size()) {
        known.push_back(serializer);
        made_.push_back(make(*serializer));
      }
      by_topic_.push_back(made_[at].get());
    }
  }
  T& of(TopicIndex topic) const { return *by_topic_[topic.value]; }

 private:
  std::vector<std::unique_ptr<T>> made_;
  std::vector<T*> by_topic_;
};

}  // namespace eventy
