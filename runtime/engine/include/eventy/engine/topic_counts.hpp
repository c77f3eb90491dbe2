// How many partitions the topics of a node's services have or get, and whether those that exist can be read
// together. Pure; any thread.
#pragma once

#include "eventy/engine/runtime.hpp"

namespace eventy {

// Every topic of `runtimes` with its partition count: the one that it has, where it exists. Of those that are
// to be created, a topic that a service with state reads together with others gets their count, and so do the
// service's own topics; any other gets `partitions`. Fails with invalid_argument if topics that are read
// together have different counts; the error names both topics and what to do.
Result<std::vector<TopicSpec>> topics_of(const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes,
                                         const std::vector<TopicSpec>& existing, std::uint32_t partitions);

}  // namespace eventy
