// What a source decides: one poll becomes one slice. The new position of the source is a state in it. Owned
// by one source actor or Bench; one thread at a time, which may block in the user's code.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "eventy/engine/metrics.hpp"
#include "eventy/engine/outbox.hpp"
#include "eventy/engine/slice.hpp"
#include "eventy/engine/turn_watch.hpp"

namespace eventy {

class SourceEngine final : detail::PollCore {
 public:
  SourceEngine(std::shared_ptr<const Routes> routes, TaskId task, Epoch epoch,
               std::shared_ptr<const StateReader> state, const Clock& clock, std::size_t limit = 1000,
               std::shared_ptr<TurnWatch> watch = std::make_shared<TurnWatch>(),
               std::shared_ptr<SourceMetrics> metrics = std::make_shared<SourceMetrics>());
  ~SourceEngine() override;
  SourceEngine(const SourceEngine&) = delete;
  SourceEngine& operator=(const SourceEngine&) = delete;

  struct Polled {
    std::optional<Slice> slice = {};    // nullopt: there was nothing
    std::optional<Duration> wait = {};  // poll again after so long; nullopt: at once
  };
  // Throws what the user's code throws; then the poll has no effect.
  Polled poll();
  // The slices up to this one are committed: calls what waits for that. Call it for each commit.
  void committed(SliceNumber up_to);
  // Goes back to the committed position; slices count from 1 again.
  void rewind(Epoch epoch);
  Epoch epoch() const { return epoch_; }

 private:
  const void* position() const override { return position_; }
  void advance(const void* position) override;
  std::size_t max_records() const override { return limit_; }
  void poll_again_after(Duration wait) override { wait_ = wait; }
  void on_commit(std::function<void()> call) override { on_commit_.push_back(std::move(call)); }
  Writer& begin(const detail::OutputSpec& output) override;
  void end() override;
  void abandon() override;
  void begin_piece() override;
  void piece_failed(std::string_view place, std::string_view bytes) override;
  void dead_letter(std::string_view place, std::string_view reason, std::string_view bytes) override;
  void log(LogLevel level, std::string_view text) override;
  void dead_letter(std::string_view place, std::string_view reason, std::string_view bytes,
                   std::string_view error_class);
  void load();
  void set_position(std::string bytes);

  std::shared_ptr<const Routes> routes_;
  const Plan::Source& source_;
  TaskId task_;
  Epoch epoch_;
  std::shared_ptr<const StateReader> reader_;
  const Clock& clock_;
  std::size_t limit_;
  std::shared_ptr<TurnWatch> watch_;
  std::shared_ptr<SourceMetrics> metrics_;
  Outbox outbox_;
  UuidDeriver deriver_;
  std::unique_ptr<ValueEncoder> encoder_;
  void* position_ = nullptr;
  std::string position_bytes_, correlation_id_;
  std::uint64_t next_slice_ = 1, ordinal_ = 0;
  Origin origin_;
  Slice slice_;
  Outbox::Savepoint piece_ = {};  // before the current piece of input
  bool advanced_ = false;
  std::optional<Duration> wait_;
  std::vector<std::function<void()>> on_commit_ = {};                             // of the current poll
  std::map<std::uint64_t, std::vector<std::function<void()>>> uncommitted_ = {};  // by slice
};

}  // namespace eventy
