#include "eventy/engine/source_engine.hpp"

#include <spdlog/spdlog.h>

#include <new>

#include "eventy/engine/failure_class.hpp"
#include "log_level.hpp"

namespace eventy {

SourceEngine::SourceEngine(std::shared_ptr<const Routes> routes, TaskId task, Epoch epoch,
                           std::shared_ptr<const StateReader> state, const Clock& clock, std::size_t limit,
                           std::shared_ptr<TurnWatch> watch, std::shared_ptr<SourceMetrics> metrics)
    : routes_(std::move(routes)),
      source_(routes_->runtime->plan().sources.at(task.source)),
      task_(task),
      epoch_(epoch),
      reader_(std::move(state)),
      clock_(clock),
      limit_(limit),
      watch_(std::move(watch)),
      metrics_(std::move(metrics)),
      outbox_(routes_),
      deriver_(routes_->runtime->plan().ns + " source " + source_.name),
      encoder_(routes_->runtime->options().state_format->make_encoder()),
      position_(source_.position->make()) {
  try {
    load();
  } catch (...) {
    source_.position->drop(position_);
    throw;
  }
}

SourceEngine::~SourceEngine() { source_.position->drop(position_); }

void SourceEngine::load() {
  const auto bytes = reader_->get(ServiceRuntime::source_keyspace(task_.source), source_.name).value();
  if (bytes) try {
      return set_position(*bytes);
    } catch (...) {
      detail::throw_for_state(detail::name_of_state(routes_->runtime->plan().name, task_.partition,
                                                    "the position of a source", source_.name,
                                                    reader_->place()));
    }
  const std::unique_ptr<void, void (*)(void*)> fresh(source_.position->make(), source_.position->drop);
  source_.position->assign(position_, fresh.get());
  position_bytes_.clear();
  write_state(*source_.position, position_, *encoder_, position_bytes_);
}

void SourceEngine::set_position(std::string bytes) {
  const std::unique_ptr<void, void (*)(void*)> fresh(source_.position->make(), source_.position->drop);
  const auto decoder = routes_->runtime->options().state_format->make_decoder();
  read_state(*source_.position, bytes, *decoder, fresh.get());
  source_.position->assign(position_, fresh.get());
  position_bytes_ = std::move(bytes);
}

SourceEngine::Polled SourceEngine::poll() {
  slice_ = {.task = task_, .epoch = epoch_};
  slice_.effects.partition = task_.partition;
  ordinal_ = 0;
  advanced_ = false;
  wait_.reset();
  on_commit_.clear();
  origin_ = {.deriver = &deriver_, .input_id = position_bytes_, .date = clock_.date()};
  try {
    const TurnWatch::Running running(*watch_, {});
    source_.run(source_.code.get(), *this);
  } catch (...) {
    set_position(position_bytes_);  // undoes what the poll advanced
    throw;
  }
  if (!advanced_ && slice_.effects.outputs.empty()) {
    for (const auto& call : on_commit_) call();  // there is nothing to commit
    return {.wait = wait_.value_or(Duration(100))};
  }
  position_bytes_.clear();
  write_state(*source_.position, position_, *encoder_, position_bytes_);
  slice_.effects.state.push_back(
      {ServiceRuntime::source_keyspace(task_.source), source_.name, position_bytes_});
  slice_.effects.measure();
  slice_.number = {next_slice_++};
  if (!on_commit_.empty()) uncommitted_[slice_.number.value] = std::exchange(on_commit_, {});
  slice_.records = slice_.effects.outputs.entries.size();
  metrics_->records.add(slice_.records);
  return {.slice = std::move(slice_), .wait = wait_};
}

void SourceEngine::committed(SliceNumber up_to) {
  while (!uncommitted_.empty() && uncommitted_.begin()->first <= up_to.value) {
    const auto calls = std::move(uncommitted_.begin()->second);
    uncommitted_.erase(uncommitted_.begin());
    for (const auto& call : calls) call();
  }
}

void SourceEngine::rewind(Epoch epoch) {
  epoch_ = epoch;
  uncommitted_.clear();
  next_slice_ = 1;
  load();
}

void SourceEngine::advance(const void* position) {
  source_.position->assign(position_, position);
  advanced_ = true;
}

Writer& SourceEngine::begin(const detail::OutputSpec& output) {
  // A repeat of the same poll must begin the same chains.
  correlation_id_ = !output.correlation_id.empty()
                        ? std::string(output.correlation_id)
                        : make_correlation_id(routes_->runtime->plan().name, output.name,
                                              hash64(position_bytes_, ordinal_ + 1));
  origin_.key = output.kind == Kind::request ? output.key : std::nullopt;
  origin_.correlation_id = correlation_id_;
  return outbox_.begin(output, origin_, ordinal_, slice_.effects.outputs);
}

void SourceEngine::end() { outbox_.end(); }

void SourceEngine::abandon() { outbox_.abandon(); }

void SourceEngine::begin_piece() { piece_ = Outbox::savepoint(slice_.effects.outputs); }

// Called in a catch block. Throws the error again if it is not the input's fault, as a partition does.
void SourceEngine::piece_failed(std::string_view place, std::string_view bytes) {
  try {
    throw;
  } catch (const Failure&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    const ErrorText why = describe(std::current_exception());
    Outbox::roll_back(slice_.effects.outputs, piece_);
    dead_letter(place, why.reason, bytes, why.error_class);
  }
}

void SourceEngine::log(LogLevel level, std::string_view text) {
  const auto& logger = routes_->runtime->options().log;
  if (!logger) return;
  logger->log(log_level(level), "[{}/{} source {}] {}", routes_->runtime->plan().name, task_.partition.value,
              source_.name, text);
}

void SourceEngine::dead_letter(std::string_view place, std::string_view reason, std::string_view bytes) {
  dead_letter(place, reason, bytes, "SourceError");
}

void SourceEngine::dead_letter(std::string_view place, std::string_view reason, std::string_view bytes,
                               std::string_view error_class) {
  log(LogLevel::error, "dead letter: " + std::string(place) + ": " + std::string(reason));
  metrics_->dead_letters.add();
  outbox_.dead_letter({.reason = reason,
                       .error_class = error_class,
                       .handler = source_.name,
                       .place = place,
                       .attempts = 1,
                       .time = origin_.date,
                       .bytes = bytes},
                      {task_.partition.value % routes_->partitions[ServiceRuntime::dead_letters.value]},
                      slice_.effects.outputs);
}

}  // namespace eventy
