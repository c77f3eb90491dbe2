#include "eventy/engine/source_engine.hpp"

#include <spdlog/spdlog.h>

namespace eventy {

SourceEngine::SourceEngine(std::shared_ptr<const Routes> routes, Lane lane, Epoch epoch,
                           std::shared_ptr<const StateReader> state, const Clock& clock, std::size_t limit,
                           std::shared_ptr<TurnWatch> watch)
    : routes_(std::move(routes)),
      source_(routes_->runtime->plan().sources.at(lane.source)),
      lane_(lane),
      epoch_(epoch),
      reader_(std::move(state)),
      clock_(clock),
      limit_(limit),
      watch_(std::move(watch)),
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
  const auto bytes = reader_->get(ServiceRuntime::source_keyspace(lane_.source), source_.name).value();
  if (bytes) return set_position(*bytes);
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

SourceEngine::Look SourceEngine::look() {
  slice_ = {.lane = lane_, .epoch = epoch_};
  slice_.effects.partition = lane_.partition;
  ordinal_ = 0;
  advanced_ = false;
  wait_.reset();
  origin_ = {.deriver = &deriver_, .input_id = position_bytes_, .date = clock_.date()};
  try {
    const TurnWatch::Running running(*watch_, {});
    source_.run(source_.code.get(), *this);
  } catch (...) {
    set_position(position_bytes_);  // what the look advanced did not happen
    throw;
  }
  if (!advanced_ && slice_.effects.outputs.empty()) return {.wait = wait_.value_or(Duration(100))};
  position_bytes_.clear();
  write_state(*source_.position, position_, *encoder_, position_bytes_);
  slice_.effects.state.push_back(
      {ServiceRuntime::source_keyspace(lane_.source), source_.name, position_bytes_});
  slice_.number = {next_slice_++};
  slice_.records = slice_.effects.outputs.entries.size();
  return {.slice = std::move(slice_), .wait = wait_};
}

void SourceEngine::rewind(Epoch epoch) {
  epoch_ = epoch;
  next_slice_ = 1;
  load();
}

void SourceEngine::advance(const void* position) {
  source_.position->assign(position_, position);
  advanced_ = true;
}

Writer& SourceEngine::begin(const detail::OutputSpec& output) {
  // A source begins chains; a repeat of the same look must begin the same ones.
  correlation_id_ =
      make_correlation_id(routes_->runtime->plan().name, output.name, hash64(position_bytes_, ordinal_ + 1));
  origin_.correlation_id = correlation_id_;
  return outbox_.begin(output, origin_, ordinal_, slice_.effects.outputs);
}

void SourceEngine::end() { outbox_.end(); }

void SourceEngine::dead_letter(std::string_view place, std::string_view reason, std::string_view bytes) {
  if (const auto& log = routes_->runtime->options().log)
    log->error("[{}/{} source {}] dead letter: {}: {}", routes_->runtime->plan().name, lane_.partition.value,
               source_.name, place, reason);
  outbox_.dead_letter({.reason = reason,
                       .error_class = "SourceError",
                       .handler = source_.name,
                       .place = place,
                       .attempts = 1,
                       .time = origin_.date,
                       .bytes = bytes},
                      {lane_.partition.value % routes_->partitions[ServiceRuntime::dead_letters.value]},
                      slice_.effects.outputs);
}

}  // namespace eventy
