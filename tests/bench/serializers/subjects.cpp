#include "tests/bench/serializers/subjects.hpp"

#include "eventy/core/ids.hpp"

namespace eventy::benchmark {

namespace {

constexpr std::int64_t first_date = 1'767'315'845'678;

std::string numbered(std::string_view text, std::size_t i) { return std::string(text) + std::to_string(i); }

Record record_of(std::string ns, std::string name, std::string source, std::size_t i) {
  const std::string chain = "bench:" + name + ":q1w2e3r4t5y";
  Record record(Kind::event, std::move(ns), std::move(name), std::move(source));
  record.set_uuid(random_uuid()).set_correlation_id(chain);
  record.set_partition_key(numbered("user-", 10'000 + i * 79));
  record.set_date(Instant(Duration(first_date + static_cast<std::int64_t>(i) * 7)));
  return record;
}

Clicked clicked(std::size_t i) {
  return {.n = static_cast<std::int64_t>(100'000 + i), .page = "/products/teapots/cast-iron"};
}

Line line(std::size_t i, std::size_t k) {
  return {.sku = numbered("TEA-", 10'000 + i * 13 + k),
          .title = k % 3 == 0 ? "Gusseisen-Kännchen „Nambu“, 0,6 l" : "Cast iron teapot, 0.6 l, black",
          .quantity = static_cast<std::int64_t>(k % 4 + 1),
          .price = 39.95 + static_cast<double>(k),
          .discount = k % 2 == 0 ? std::optional<double>(0.125) : std::nullopt};
}

Placed placed(std::size_t i) {
  Placed order{
      .number = numbered("2026-", 1'000'000 + i),
      .channel = static_cast<Channel>(i % channels.size()),
      .paid = i % 2 == 0,
      .placed = Instant(Duration(first_date - 1000 - static_cast<std::int64_t>(i))),
      .ship_to = {.street = "Straße des 17. Juni 135", .city = "Berlin", .country = "DE"},
      .tags = {"gift", "express", "returning customer"},
      .totals = {{"goods", 35'960}, {"shipping", 490}, {"vat", 6'832}},
      .note = i % 4 == 0 ? std::nullopt : std::optional<std::string>("Please ring \"twice\".\nThank you!")};
  for (std::size_t k = 0; k < 8; ++k) order.lines.push_back(line(i, k));
  return order;
}

Context context_of(std::size_t i) {
  return {{"urn:shop:web",
           {{"beta", true},
            {"session", numbered("s-9f8e7d6c5b4a", i)},
            {"traceparent", std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
            {"user", static_cast<std::int64_t>(900'000 + i)}}},
          {"urn:shop:cart", {{"coupon", nullptr}, {"id", numbered("cart-", i)}, {"value", 359.5}}}};
}

template <class Data, class MakeRecord, class MakeData>
Samples<Data> make(std::string_view name, MakeRecord record, MakeData data) {
  Samples<Data> out{.name = name};
  for (std::size_t i = 0; i < sample_count; ++i) out.records.push_back(record(i));
  for (const Record& r : out.records) out.envelopes.push_back(r.envelope());
  for (std::size_t i = 0; i < sample_count; ++i)
    out.wholes.push_back({&out.envelopes[i], out.records[i].context, data(i)});
  return out;
}

}  // namespace

const Samples<Clicked>& small_samples() {
  static const auto samples = make<Clicked>(
      "small", [](std::size_t i) { return record_of("urn:bench", "Clicked", "urn:bench", i); }, clicked);
  return samples;
}

const Samples<Placed>& large_samples() {
  static const auto samples = make<Placed>(
      "large",
      [](std::size_t i) {
        Record record = record_of("urn:shop:orders", "Placed", "urn:shop:web", i);
        record.context = context_of(i);
        return record;
      },
      placed);
  return samples;
}

std::string difference(const Envelope& a, const Envelope& b) {
  if (a.kind != b.kind) return "type";
  if (a.ns != b.ns) return "namespace";
  if (a.name != b.name) return "name";
  if (a.protocol_version != b.protocol_version) return "protocol_version";
  if (a.version != b.version) return "version";
  if (a.source != b.source) return "source";
  if (a.uuid != b.uuid) return "uuid";
  if (a.correlation_id != b.correlation_id) return "correlation_id";
  if (a.partition_key != b.partition_key) return "partition_key";
  return a.date == b.date ? "" : "date";
}

}  // namespace eventy::benchmark
