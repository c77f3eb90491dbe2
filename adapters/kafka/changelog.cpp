#include "changelog.hpp"

#include <algorithm>
#include <cstdlib>

#include "restore.hpp"

namespace eventy::kafka::detail {

std::string LogName::text() const {
  std::string out = incarnation;
  for (const auto& input : begun) out += "\n" + input;
  return out;
}

LogName LogName::read(std::string_view text) {
  LogName name;
  for (bool first = true; !text.empty(); first = false) {
    const auto line = text.substr(0, text.find('\n'));
    if (first) {
      name.incarnation = line;
    } else if (!line.empty()) {
      name.begun.emplace(line);
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return name;
}

LogNamePlace LogNamePlace::read(const std::string& text) {
  const auto at = text.find('@');
  if (at == text.npos) return {};
  return {text.substr(0, at), Offset{std::strtoll(text.c_str() + at + 1, nullptr, 10)}};
}

std::int32_t LogNameRecord::partition() const { return static_cast<std::int32_t>(log_.partition.value); }

std::vector<rd_kafka_message_t>& LogNameRecord::record() {
  record_.assign(1, {});
  auto& message = record_.front();
  message.key = const_cast<char*>(log_name_key.data()), message.key_len = log_name_key.size();
  message.payload = text_.data(), message.len = text_.size();
  message._private = &next_;
  return record_;
}

Result<void> LogNameRecord::note() {
  log_.place.log = LogNamePlace{name_.incarnation, Offset{next_.value - 1}}.text();
  log_.place.next = std::max(log_.place.next, next_);
  log_.place.synced = SystemClock{}.date();
  log_.name = name_;
  return log_.copy->apply({}, log_.place);
}

}  // namespace eventy::kafka::detail
