// A year of departures from New York, handled by four services that exchange records: `flights run`, `flights
// report`.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "csv.hpp"
#include "eventy/run.hpp"
#include "report.hpp"
#include "services.hpp"

namespace {

// The committed part of the input: a bar on a terminal, plain lines elsewhere.
class ProgressLine {
 public:
  void expect(std::uint64_t rows) { total_ = rows; }
  void show(const eventy::Progress& progress) {
    const std::uint64_t rows = flights::committed_rows(progress.store, progress.state_format);
    if (isatty(STDOUT_FILENO)) {
      bar(rows, progress);
    } else if (rows != shown_ || progress.last) {
      std::printf("progress rows=%llu total=%llu\n", static_cast<unsigned long long>(rows),
                  static_cast<unsigned long long>(total_));
      if (progress.last && rows == total_) std::printf("idle\n");
    }
    shown_ = rows;
    std::fflush(stdout);
  }

 private:
  void bar(std::uint64_t rows, const eventy::Progress& progress) const {
    constexpr int width = 40;
    const int full = total_ ? static_cast<int>(rows * width / total_) : width;
    const double seconds = static_cast<double>(progress.elapsed.count()) / 1000;
    std::printf("\r[%s%s] %llu of %llu rows, %.1f s%s",
                std::string(static_cast<std::size_t>(full), '#').c_str(),
                std::string(static_cast<std::size_t>(width - full), '.').c_str(),
                static_cast<unsigned long long>(rows), static_cast<unsigned long long>(total_), seconds,
                progress.last ? "\n" : "");
  }
  std::uint64_t total_ = 0, shown_ = UINT64_MAX;
};

int report(const eventy::CommandContext& context) {
  const auto result = flights::read_report(context.store, context.state_format).value();
  const bool json = context.options.given("--json");
  std::printf("%s%s", (json ? flights::as_json(result) : flights::as_table(result)).c_str(),
              json ? "\n" : "");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto progress = std::make_shared<ProgressLine>();
  const auto rows_per_poll = std::make_shared<std::size_t>(1000);
  eventy::App app;
  app.name = "flights";
  app.description = "Departures from New York as services: aircraft, rebooking desks at airports, carriers.";
  app.options = {
      {.name = "--input", .help = "the flights: a CSV file, or a zip that contains one", .required = true}};
  app.section = "flights";
  app.configure = [rows_per_poll](eventy::Section& section) {
    *rows_per_poll = section.size("rows_per_poll", 1000, 1);
  };
  app.services = [progress, rows_per_poll](const eventy::Arguments& options) -> std::vector<eventy::Service> {
    const std::filesystem::path input = options.text("--input");
    try {
      // Reads the file to its end, so that damage is found before it is used.
      progress->expect(flights::count_rows(input));
    } catch (const flights::FileError& e) {
      throw eventy::Failure({eventy::ErrorCode::io, e.what()});
    }
    return {flights::flights_service(input, *rows_per_poll), flights::aircraft_service(),
            flights::desk_service(), flights::carriers_service()};
  };
  app.commands = {{.name = "report",
                   .help = "print the result from committed state; works with and without a running node",
                   .options = {{.name = "--json",
                                .help = "print one line of JSON",
                                .takes = eventy::Option::Takes::nothing}},
                   .run = report}};
  app.progress = [progress](const eventy::Progress& p) { progress->show(p); };
  return eventy::run(argc, argv, std::move(app));
}
