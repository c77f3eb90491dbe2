// The copy of one partition's state, in the database of its folder's copies. Shared by the LocalStates of the
// partition; any thread.
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

  // A number for a new owner; who has an earlier one writes no more.
  Result<std::uint64_t> take_over();

  Result<std::optional<std::string>> get(std::string_view key) const;
  Result<void> apply(std::uint64_t owner, std::span<const LocalState::Change> changes, const LogPlace& place);
  Result<LogPlace> place() const;
  Result<void> clear(std::uint64_t owner);

 private:
  // By the holder of mutex_.
  Result<void> load(CopyId id);

  const std::shared_ptr<Copies> copies_;
  const std::string service_;
  const PartitionId partition_;
  std::atomic<CopyId> id_ = CopyId{};  // changes only at take_over()
  mutable std::mutex mutex_ = {};      // guards what follows
  std::uint64_t owner_ = 0;            // the last one
  LogPlace place_ = {};
};

}  // namespace eventy::rocksdb::detail
