#include "../support/topic_log.hpp"
#include "eventy/engine/runtime.hpp"
#include "eventy/testing/plain_format.hpp"
#include "oracle.hpp"

namespace eventy::simulation {

namespace {

const Value* member_of(const Record& record, std::string_view member) {
  for (const auto& [name, value] : record.data)
    if (name == member) return &value;
  return nullptr;
}

}  // namespace

std::optional<std::int64_t> Line::number(std::string_view member) const {
  const Value* value = member_of(*record, member);
  if (!value) return std::nullopt;
  if (const auto* n = std::get_if<std::int64_t>(&value->is)) return *n;
  if (const auto* n = std::get_if<std::uint64_t>(&value->is)) return static_cast<std::int64_t>(*n);
  return std::nullopt;
}

std::string Line::text(std::string_view member) const {
  const Value* value = member_of(*record, member);
  const auto* text = value ? std::get_if<std::string>(&value->is) : nullptr;
  return text ? *text : std::string();
}

std::vector<Line> lines_of(testing::SimulatedStore& store, const std::string& topic) {
  std::vector<Line> all;
  const auto decoder = testing::plain_serializer()->make_decoder();
  for (const auto& spec : store.topics().value()) {
    if (spec.name != topic) continue;
    for (std::uint32_t p = 0; p < spec.partitions; ++p) {
      for (auto& seen : support::log_of(store, topic, p)) {
        Line& line = all.emplace_back(Line{{p}, {seen.offset}, std::move(seen.key), {}, {}});
        line.headers.insert(seen.headers.begin(), seen.headers.end());
        try {
          line.record = decode(seen.value, *decoder);
        } catch (const DecodeError&) {  // a line without a record
        }
      }
    }
  }
  return all;
}

std::string place_of(const std::string& topic, const Line& line) {
  return topic + '/' + std::to_string(line.partition.value) + '@' + std::to_string(line.offset.value);
}

void DeadLetters::judge(const std::vector<Line>& found, Findings& findings) const {
  std::map<std::string, int> counts;
  std::map<std::string, std::string> reasons;
  for (const Line& line : found) {
    const auto header = [&](std::string_view name) {
      const auto it = line.headers.find(std::string(name));
      return it == line.headers.end() ? std::string() : it->second;
    };
    const std::string place = header(dead_letter::place);
    const std::string from = !place.empty()
                                 ? place
                                 : header(dead_letter::topic) + '/' + header(dead_letter::partition) + '@' +
                                       header(dead_letter::offset);
    ++counts[from];
    reasons[from] += " (" + header(dead_letter::handler) + ": " + header(dead_letter::reason) + ')';
  }
  for (const auto& [place, range] : expected_) counts.try_emplace(place, 0);
  for (const auto& [place, count] : counts) {
    const auto it = expected_.find(place);
    const auto [least, most] = it == expected_.end() ? std::pair(0, 0) : it->second;
    if (count < least || count > most)
      findings.add("dead letters of " + place + ": found " + std::to_string(count) + ", expected " +
                   std::to_string(least) + " to " + std::to_string(most) + reasons[place]);
  }
}

}  // namespace eventy::simulation
