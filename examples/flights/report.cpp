#include "report.hpp"

#include <fmt/format.h>

#include "eventy/core/one_line.hpp"
#include "eventy/json/json.hpp"

namespace flights {

namespace {

// Names of carriers come from the file and may contain anything.
constexpr std::size_t longest_name = 32;

Carrier total(const Report& report) {
  Carrier sum;
  for (const auto& [code, c] : report.carriers) {
    sum.departed += c.departed, sum.cancelled += c.cancelled, sum.arrived += c.arrived;
    sum.delay_minutes += c.delay_minutes;
  }
  return sum;
}

}  // namespace

eventy::Result<Report> read_report(const eventy::RecordStore& store, const eventy::StateFormat& format) {
  Report report;
  auto carriers = eventy::for_each_state<Carrier>(
      store, format, "carriers", [&](eventy::PartitionId, std::string_view code, const Carrier& c) {
        report.carriers.emplace(code, c);
      });
  if (!carriers.ok()) return carriers.error();
  auto aircraft = eventy::for_each_state<Aircraft>(
      store, format, "aircraft", [&](eventy::PartitionId, std::string_view, const Aircraft& a) {
        report.requested += a.asked;
        report.confirmed += a.confirmed;
        report.refused += a.refused;
        report.aircraft += a.arrived > 0;
      });
  if (!aircraft.ok()) return aircraft.error();
  return report;
}

std::string as_table(const Report& report) {
  std::string out = fmt::format("{:<8}{:>10}{:>11}{:>10}{:>16}{:>10}\n", "carrier", "departed", "cancelled",
                                "arrived", "delay minutes", "average");
  const auto row = [&](std::string_view name, const Carrier& c) {
    const double average =
        c.arrived ? static_cast<double>(c.delay_minutes) / static_cast<double>(c.arrived) : 0;
    out += fmt::format("{:<8}{:>10}{:>11}{:>10}{:>16}{:>10.1f}\n", name, c.departed, c.cancelled, c.arrived,
                       c.delay_minutes, average);
  };
  for (const auto& [code, c] : report.carriers) row(eventy::one_line(code, longest_name), c);
  row("all", total(report));
  out += fmt::format("\nrebookings: {} asked, {} confirmed, {} refused; aircraft seen arriving: {}\n",
                     report.requested, report.confirmed, report.refused, report.aircraft);
  return out;
}

std::string as_json(const Report& report) {
  const Carrier all = total(report);
  std::string out = fmt::format(R"({{"departed":{},"cancelled":{},"arrived":{},"carriers":{{)", all.departed,
                                all.cancelled, all.arrived);
  const char* comma = "";
  for (const auto& [code, c] : report.carriers) {
    out += fmt::format(R"({}{}:{{"arrival_delay_minutes":{},"arrived":{},"cancelled":{},"departed":{}}})",
                       comma, eventy::json::to_text(eventy::one_line(code)), c.delay_minutes, c.arrived,
                       c.cancelled, c.departed);
    comma = ",";
  }
  out += fmt::format(R"(}},"rebooking":{{"requested":{},"confirmed":{},"refused":{}}},"aircraft":{}}})",
                     report.requested, report.confirmed, report.refused, report.aircraft);
  return out;
}

std::uint64_t committed_rows(const eventy::RecordStore& store, const eventy::StateFormat& format) {
  std::uint64_t rows = 0;
  auto decoder = format.make_decoder();
  // Before the service's first run there is nothing to scan, which is not an error here.
  (void)store.scan("flights", "source:file",
                   [&](eventy::PartitionId, std::string_view, std::string_view bytes) {
                     FilePosition position;
                     eventy::read_state(eventy::detail::state_ops<FilePosition>, bytes, *decoder, &position);
                     rows = position.rows;
                     return false;
                   });
  return rows;
}

}  // namespace flights
