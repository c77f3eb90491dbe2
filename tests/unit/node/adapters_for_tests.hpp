// What the build has, and a stand-in for a format that it was built without.
#pragma once

#include "eventy/run.hpp"
#include "eventy/testing/plain_format.hpp"

namespace eventy {

inline Adapters adapters_for_tests() {
  auto adapters = builtin_adapters();
  adapters.serializers.try_emplace("json", testing::plain_serializer());
  adapters.serializers["plain"] = testing::plain_serializer();  // says nothing of its first bytes
  adapters.state_formats.try_emplace("msgpack", testing::plain_state_format());
  return adapters;
}

}  // namespace eventy
