// How a transaction ends, and what one of its steps returns. Values; any thread.
#pragma once

#include <optional>
#include <utility>

#include "eventy/core/result.hpp"

namespace eventy::kafka::detail {

class CommitOutcome {
 public:
  enum class Kind : std::uint8_t {
    committed,  // all of it is visible
    aborted,    // nothing of it is visible; the producer can begin the next transaction
    unknown,    // the commit was sent, and its answer was lost
    failed      // the producer cannot be used any more, or the same records would fail again on retry
  };
  static CommitOutcome committed() { return {Kind::committed, {}}; }
  static CommitOutcome aborted(Error reason) { return {Kind::aborted, std::move(reason)}; }
  static CommitOutcome unknown(Error reason) { return {Kind::unknown, std::move(reason)}; }
  static CommitOutcome failed(Error reason) { return {Kind::failed, std::move(reason)}; }

  Kind kind() const { return kind_; }
  bool is_committed() const { return kind_ == Kind::committed; }
  bool is_aborted() const { return kind_ == Kind::aborted; }
  bool is_unknown() const { return kind_ == Kind::unknown; }
  bool is_failed() const { return kind_ == Kind::failed; }
  const Error& error() const { return error_; }  // why it is not committed

 private:
  CommitOutcome(Kind kind, Error error) : kind_(kind), error_(std::move(error)) {}

  Kind kind_;
  Error error_;
};

// What a step within a transaction returns: it is done, or the transaction has ended, aborted or failed.
class [[nodiscard]] StepResult {
 public:
  StepResult() = default;                                        // done
  StepResult(CommitOutcome ended) : ended_(std::move(ended)) {}  // not committed

  bool ok() const { return !ended_; }
  explicit operator bool() const { return ok(); }
  const CommitOutcome& ended() const { return *ended_; }  // only where it is not ok()

 private:
  std::optional<CommitOutcome> ended_ = {};
};

}  // namespace eventy::kafka::detail
