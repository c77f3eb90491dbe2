// For encoders: the context of a turn, encoded once for all outputs of the turn. It is kept in two parts, the
// entries of other services and the members of the own entry, so that an output can add one member to the own
// entry. Belongs to one thread.
#pragma once

#include <string>

#include "eventy/core/serializer.hpp"

namespace eventy {

class ContextParts {
 public:
  // Encodes again if `context` differs from the last one. `put_entry(out, service, entry)` appends the entry
  // of another service, `put_members(out, entry)` the members of the own entry. If one of them throws,
  // nothing is kept.
  template <class PutEntry, class PutMembers>
  void refresh(const OutgoingContext& context, PutEntry put_entry, PutMembers put_members) {
    if (is_of(context)) return;
    begin(context);
    if (common_) {
      for (const auto& [service, entry] : *common_) {
        if (service == own_namespace_) {
          put_members(own_, entry);
          has_own_ = true, own_members_ = entry.size();
        } else {
          put_entry(others_, service, entry);
          ++other_entries_;
        }
      }
    }
    is_valid_ = true;
  }

  const std::string& others() const { return others_; }
  std::size_t other_entries() const { return other_entries_; }
  const std::string& own_namespace() const { return own_namespace_; }
  bool has_own() const { return has_own_; }
  const std::string& own() const { return own_; }
  std::size_t own_members() const { return own_members_; }

 private:
  bool is_of(const OutgoingContext& context) const {
    return is_valid_ && common_ == context.common && version_ == context.version &&
           own_namespace_ == context.own_namespace;
  }
  void begin(const OutgoingContext& context);

  bool is_valid_ = false, has_own_ = false;
  const Context* common_ = nullptr;
  std::uint64_t version_ = 0;
  std::string own_namespace_ = {}, others_ = {}, own_ = {};
  std::size_t other_entries_ = 0, own_members_ = 0;
};

}  // namespace eventy
