#include "eventy/core/context_parts.hpp"

namespace eventy {

void ContextParts::begin(const OutgoingContext& context) {
  is_valid_ = has_own_ = false;
  common_ = context.common;
  version_ = context.version;
  own_namespace_ = context.own_namespace;
  others_.clear(), own_.clear();
  other_entries_ = own_members_ = 0;
}

}  // namespace eventy
