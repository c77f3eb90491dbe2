#include "status.hpp"

#include <fmt/format.h>

#include "eventy/core/one_line.hpp"
#include "eventy/lines/line_source.hpp"

namespace resilience {
namespace {

std::string_view header_of(const eventy::Batch& batch, const eventy::StoredRecord& record,
                           std::string_view name) {
  for (std::uint32_t i = 0; i < record.headers; ++i) {
    const auto& header = batch.headers[record.first_header + i];
    if (header.name == name) return header.value;
  }
  return {};
}

DeadLetter dead_letter_of(const std::string& service, const eventy::Batch& batch,
                          const eventy::StoredRecord& record) {
  namespace dead = eventy::dead_letter;
  std::string place(header_of(batch, record, dead::place));
  if (place.empty())
    place = fmt::format("{}/{}/{}", header_of(batch, record, dead::topic),
                        header_of(batch, record, dead::partition), header_of(batch, record, dead::offset));
  return {service, std::move(place), std::string(header_of(batch, record, dead::reason))};
}

void read_dead_letters(eventy::RecordStore& store, const std::string& service,
                       std::vector<DeadLetter>& into) {
  const std::string topic = service + "-dead-letters";
  for (const auto& spec : store.topics().value()) {
    if (spec.name != topic) continue;
    for (std::uint32_t p = 0; p < spec.partitions; ++p) {
      const auto reader = store.read(topic, eventy::PartitionId{p}, eventy::Offset{0}).value();
      for (;;) {
        const auto batch = reader->next({}).value();
        if (batch->records.empty()) break;
        for (const auto& record : batch->records) into.push_back(dead_letter_of(service, *batch, record));
      }
    }
  }
}

// Throws unless the result is there or the service has not run yet.
template <class Result>
void pass_absence(const Result& result) {
  if (!result && result.error().code != eventy::ErrorCode::not_found) throw eventy::Failure(result.error());
}

// Names of customers come from the inbox and may contain anything.
std::string shown(const std::string& customer) {
  constexpr std::size_t longest_name = 64;
  return eventy::one_line(customer, longest_name);
}

}  // namespace

eventy::Result<Status> read_status(eventy::RecordStore& store, const eventy::StateFormat& format) try {
  Status status;
  pass_absence(eventy::for_each_state<Account>(
      store, format, "shop", [&](eventy::PartitionId, std::string_view customer, const Account& account) {
        status.accounts.emplace(customer, account);
      }));
  auto parked = eventy::parked_keys(store, format, "shop");
  pass_absence(parked);
  if (parked)
    for (auto& key : *parked) status.parked.emplace(key.key, key);
  auto decoder = format.make_decoder();
  pass_absence(
      store.scan("till", "source:inbox", [&](eventy::PartitionId, std::string_view, std::string_view bytes) {
        eventy::LinePosition position;
        eventy::read_state(eventy::detail::state_ops<eventy::LinePosition>, bytes, *decoder, &position);
        status.lines = static_cast<std::int64_t>(position.total);
        return true;
      }));
  for (const char* service : {"till", "shop"}) read_dead_letters(store, service, status.dead);
  return status;
} catch (const eventy::Failure& e) {
  return e.error();
}

std::string as_table(const Status& status) {
  std::string out = fmt::format("  {:<10}{:>8}{:>12}{:>10}\n", "customer", "billed", "euro", "waiting");
  std::map<std::string, Account> customers = status.accounts;
  for (const auto& [customer, key] : status.parked) customers.try_emplace(customer);
  for (const auto& [customer, account] : customers) {
    const auto parked = status.parked.find(customer);
    out += fmt::format(
        "  {:<10}{:>8}{:>12.2f}{:>10}{}\n", shown(customer), account.orders,
        static_cast<double>(account.euro_cents) / 100,
        parked == status.parked.end() ? 0 : parked->second.records,
        parked == status.parked.end() ? "" : "   parked: " + eventy::one_line(parked->second.reason));
  }
  out += fmt::format("  lines of the inbox read: {}; dead letters: {}\n", status.lines, status.dead.size());
  for (const auto& dead : status.dead)
    out += fmt::format("    {} at {}: {}\n", dead.service, eventy::one_line(dead.place),
                       eventy::one_line(dead.reason));
  return out;
}

std::string as_lines(const Status& status) {
  std::string out = fmt::format("lines {}\n", status.lines);
  for (const auto& [customer, a] : status.accounts)
    out += fmt::format("account {} {} {} {}\n", shown(customer), a.orders, a.euro_cents, a.out_of_order);
  for (const auto& [customer, key] : status.parked)
    out += fmt::format("parked {} {}\n", shown(customer), key.records);
  for (const auto& dead : status.dead)
    out += fmt::format("dead {} {}\n", dead.service, eventy::one_line(dead.reason));
  return out;
}

}  // namespace resilience
