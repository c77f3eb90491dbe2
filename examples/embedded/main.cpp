// A shop that takes orders by HTTP, as it might have been before it used Eventy: its own server, threads,
// signals and log. What it uses of Eventy is customers.hpp and the lines that call `node`.
//
//   embedded CONFIG.toml [PORT]
#include <httplib.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "customers.hpp"
#include "eventy/node.hpp"

namespace {

using namespace std::chrono_literals;

void answer(httplib::Response& response, int status, const std::string& text) {
  response.status = status;
  response.set_content(text + "\n", "text/plain");
}

void serve(httplib::Server& server, const eventy::Node& node) {
  // customer=ann&cents=250
  server.Post("/orders", [&](const httplib::Request& request, httplib::Response& response) {
    const auto customer = request.get_param_value("customer");
    const auto cents = std::atoll(request.get_param_value("cents").c_str());
    if (customer.empty() || cents <= 0) return answer(response, 400, "customer and cents are needed");
    const auto stored = node.client("shop").emit(Ordered{cents}, {.key = customer}).get(5s);
    if (!stored) return answer(response, 503, stored.error().message);
    answer(response, 201,
           "stored at " + stored->topic + "/" + std::to_string(stored->partition.value) + "@" +
               std::to_string(stored->offset.value));
  });
  server.Get(R"(/customers/([^/]+))", [&](const httplib::Request& request, httplib::Response& response) {
    const auto total = node.ask("customers", request.matches[1].str(), GetTotal{}).get(2s);
    if (!total) return answer(response, 503, total.error().message);
    answer(response, 200,
           std::to_string(total->value.orders) + " orders, " + std::to_string(total->value.cents) + " cents");
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    spdlog::error("usage: embedded CONFIG.toml [PORT]");
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  eventy::Node node(
      {.services = {customers()}, .config = eventy::Config::file(argv[1]), .log = spdlog::default_logger()});
  if (const auto started = node.start(); !started) {
    spdlog::error("cannot start: {}", started.error().message);
    return 1;
  }
  httplib::Server server;
  serve(server, node);
  std::thread waiting([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    spdlog::info("signal {}: closing", signal);
    server.stop();
  });
  const int port = argc > 2 ? std::atoi(argv[2]) : 8080;
  spdlog::info("listening on http://127.0.0.1:{}", port);
  const bool listened = server.listen("127.0.0.1", port);
  if (!listened) {
    spdlog::error("cannot listen on port {}", port);
    pthread_kill(waiting.native_handle(), SIGTERM);
  }
  waiting.join();
  const bool ended = node.stop();  // what is in hand is committed
  spdlog::info(ended ? "closed" : "closed; some work is left for the next start");
  return listened && ended ? 0 : 1;
}
