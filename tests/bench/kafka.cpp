// What tests/bench/run kafka measures with: bare librdkafka, nothing of our store. Usage, each with BOOTSTRAP
// as its first argument:
//   create B TOPIC...                topics of 8 partitions, stamped by the broker's clock
//   drop B TOPIC...
//   fill B TOPIC RECORDS [KEYS]      writes Clicked records; prints their mean size
//   load B TOPIC RATE                writes RATE of them a second until SIGTERM; prints how many they were
//   wait B GROUP IN OUT SECONDS      ends once GROUP has committed all of IN and no transaction is open on
//   OUT latency B IN OUT WARM_SECONDS SECONDS RATE  writes to IN, reads what becomes visible in OUT; prints
//   p50 p99
//                                    max of the milliseconds between, and how many outputs were read
//   consume B TOPIC                  reads all of it; prints milliseconds, records, bytes
//   first B TOPIC                    prints "ready", then, for each time on standard input, when it saw the
//   first
//                                    record that the broker got after it (both in ms since 1970)
#include "tests/bench/kafka/latency.hpp"
#include "tests/bench/kafka/watch.hpp"

int main(int argc, char** argv) {
  using namespace eventy::benchmark;
  const std::vector<std::string> a(argv + 1, argv + argc);
  const auto is = [&](const char* name, std::size_t least) { return a.size() >= least && a[0] == name; };
  const auto seconds = [](const std::string& text) { return std::int64_t{1'000'000} * std::stoll(text); };
  if (is("create", 3)) {
    create(a[1], {a.begin() + 2, a.end()});
  } else if (is("drop", 3)) {
    drop(a[1], {a.begin() + 2, a.end()});
  } else if (is("fill", 4)) {
    fill_topic(a[1], a[2],
               {.records = std::stoull(a[3]), .keys = a.size() > 4 ? std::stoull(a[4]) : workload_keys});
  } else if (is("load", 4)) {
    load_topic(a[1], a[2], std::stoll(a[3]));
  } else if (is("wait", 6)) {
    wait_until_committed(a[1], a[2], a[3], a[4], std::stoi(a[5]));
  } else if (is("latency", 7)) {
    measure_latency({.bootstrap = a[1],
                     .in = a[2],
                     .out = a[3],
                     .warm_us = seconds(a[4]),
                     .measured_us = seconds(a[5]),
                     .interval_us = 1'000'000 / std::stoll(a[6])});
  } else if (is("consume", 3)) {
    consume(a[1], a[2]);
  } else if (is("first", 3)) {
    first_after(a[1], a[2]);
  } else {
    fail("usage: bench_kafka COMMAND BOOTSTRAP ...; see the head of kafka.cpp");
  }
}
