#include "routes.hpp"

#include "eventy/store/rules.hpp"

namespace eventy::detail {

Result<const ClientRoute*> ClientRoutes::find(RecordStore& store, Kind kind, std::string_view ns) {
  {
    const std::lock_guard lock(mutex_);
    const auto& of_kind = known_[kind];
    if (const auto it = of_kind.find(ns); it != of_kind.end()) return it->second.get();
  }
  auto route = std::make_unique<ClientRoute>();
  route->topic = topic_of(formats_, kind, ns);
  const auto topics = store.topics();
  if (!topics) return topics.error();
  const auto spec =
      std::find_if(topics->begin(), topics->end(), [&](auto& t) { return t.name == route->topic; });
  if (spec == topics->end())
    return Error{ErrorCode::not_found,
                 "topic " + printable(route->topic) + " of namespace " + printable(ns) +
                     " does not exist: start the service that owns the namespace first, or "
                     "name its service in [namespaces]"};
  route->partitions = spec->partitions;
  if (const auto it = formats_.partitioners.find(route->topic); it != formats_.partitioners.end())
    route->partitioner = it->second;
  const auto& serializer = serializer_of(formats_, route->topic);
  const std::lock_guard lock(mutex_);
  auto& pool = pools_[serializer.get()];
  if (!pool) pool = std::make_shared<EncoderPool>(serializer);
  route->encoders = pool;
  return known_[kind].try_emplace(std::string(ns), std::move(route)).first->second.get();
}

std::unique_ptr<Encoder> EncoderPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto encoder = std::move(idle_.back());
      idle_.pop_back();
      return encoder;
    }
  }
  return serializer_->make_encoder();
}

void EncoderPool::put_back(std::unique_ptr<Encoder> encoder) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(encoder));
}

}  // namespace eventy::detail
