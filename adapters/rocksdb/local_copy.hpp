// The copy of one partition's state, in the database of all copies in its folder. The LocalStates of the
// partition share it. Any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "copies.hpp"

namespace eventy::rocksdb::detail {

class LocalCopy {
 public:
  LocalCopy(std::shared_ptr<Copies> copies, std::string service, PartitionId partition)
      : copies_(std::move(copies)), service_(std::move(service)), partition_(partition) {}

  // The number of a new owner; earlier owners no longer write.
  Result<std::uint64_t> take_over();

  Result<std::optional<std::string>> get(std::string_view key) const;
  Result<void> apply(std::uint64_t owner, std::span<const LocalState::Change> changes,
                     const LogPosition& place);
  Result<LogPosition> place() const;
  Result<void> clear(std::uint64_t owner);

 private:
  // The caller holds mutex_.
  Result<void> load(CopyId id);

  const std::shared_ptr<Copies> copies_;
  const std::string service_;
  const PartitionId partition_;
  std::atomic<CopyId> id_ = CopyId{};  // changes only in take_over()
  mutable std::mutex mutex_ = {};      // guards the members below
  std::uint64_t owner_ = 0;            // the number of the last owner
  LogPosition place_ = {};
};

}  // namespace eventy::rocksdb::detail
