#include "attempt.hpp"

#include <algorithm>

namespace eventy {

namespace {
const Context no_context;
}

std::size_t RecordView::size() const {
  std::size_t size = value.size() + (key ? key->size() : 0);
  for (const auto& h : headers) size += h.name.size() + h.value.size();
  return size;
}

const Context& InputContext::value() {
  if (is_read_) return value_;
  return content_->context_is_empty() ? no_context : edit();
}

Context& InputContext::edit() {
  if (!is_read_) {
    value_.clear();
    if (!content_->context_is_empty()) content_->read_context(value_);
    is_read_ = true;
  }
  version_ = 0;
  return value_;
}

std::uint64_t InputContext::version(std::uint64_t& last) {
  if (version_ == 0) version_ = ++last;
  return version_;
}

void Attempt::begin(const InputId& input, Content& input_content) {
  id = input;
  meta = {};
  record.reset();
  topic = nullptr;
  content = &input_content;
  context.begin(input_content);
  key.reset();
  matched.clear();
  failed.clear();
  is_paused = false;
}

std::optional<std::size_t> Attempt::parked_size() const {
  if (record) return record->size();
  if (const auto bytes = content->bytes()) return bytes->size();
  return std::nullopt;
}

void Attempt::set_key(std::string from) {
  key_storage_ = std::move(from);
  key = key_storage_;
}

HandlerTries& Attempt::tries_of(std::uint32_t handler) {
  for (auto& f : failed)
    if (f.handler == handler) return f;
  return failed.emplace_back(HandlerTries{.handler = handler});
}

bool Attempt::is_given_up_by(std::uint32_t handler) const {
  return std::any_of(failed.begin(), failed.end(),
                     [&](const HandlerTries& f) { return f.handler == handler && f.gave_up; });
}

std::string Attempt::place() const {
  if (!record) return std::string(id.source) + '@' + std::to_string(id.number);
  return std::string(meta.topic) + '/' + std::to_string(meta.partition.value) + '@' +
         std::to_string(meta.offset.value);
}

}  // namespace eventy
