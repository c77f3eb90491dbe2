// What happens to orders that cannot be billed: `resilience run`, `resilience status`. The script `run` in
// this folder demonstrates all of it.
#include <cstdio>

#include "eventy/run.hpp"
#include "services.hpp"
#include "status.hpp"

namespace {

int status(const eventy::CommandContext& context) {
  const auto result = resilience::read_status(context.store, context.state_format).value();
  const bool lines = context.options.given("--lines");
  std::fputs((lines ? resilience::as_lines(result) : resilience::as_table(result)).c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  eventy::App app;
  app.name = "resilience";
  app.description = "A shop that bills orders, and what happens to orders that fail.";
  app.options = {{.name = "--inbox", .help = "file that orders are appended to", .required = true},
                 {.name = "--rates", .help = "file with the exchange rates", .required = true}};
  app.services = [](const eventy::Arguments& options) -> std::vector<eventy::Service> {
    return {resilience::till_service(options.text("--inbox")),
            resilience::shop_service(resilience::Rates(options.text("--rates")))};
  };
  app.commands = {{.name = "status",
                   .help = "print what happened to the orders; works with and without a running node",
                   .options = {{.name = "--lines",
                                .help = "for scripts: one fact per line",
                                .takes = eventy::Option::Takes::nothing}},
                   .run = status}};
  return eventy::run(argc, argv, std::move(app));
}
