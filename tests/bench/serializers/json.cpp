#include "eventy/json/json.hpp"

#include <rapidjson/writer.h>

#include "tests/bench/serializers/append_json.hpp"
#include "tests/bench/serializers/formats.hpp"
#include "tests/bench/serializers/json_doms.hpp"
#include "tests/bench/serializers/write_by_hand.hpp"

namespace eventy::benchmark {

namespace {

// The writer of RapidJSON, without a document; it checks no UTF-8.
class RapidjsonSink {
 public:
  static constexpr std::size_t date_members = 2;

  void open_map(std::size_t) { writer_.StartObject(); }
  void close_map() { writer_.EndObject(); }
  void open_list(std::size_t) { writer_.StartArray(); }
  void close_list() { writer_.EndArray(); }
  void name(std::string_view name) { text(name); }
  void text(std::string_view utf8) { writer_.String(utf8.data(), static_cast<unsigned>(utf8.size())); }
  void integer(std::int64_t value) { writer_.Int64(value); }
  void real(double value) { writer_.Double(value); }
  void boolean(bool value) { writer_.Bool(value); }
  void null() { writer_.Null(); }
  void instant(Instant value) { integer(value.time_since_epoch().count()); }
  void envelope_date(Instant date) {
    name("date_timestamp"), instant(date);
    date_.clear();
    append_iso8601(date_, date);
    name("date_iso8601"), text(date_);
  }
  void move_to(std::string& out) {
    out.append(buffer_.GetString(), buffer_.GetSize());
    buffer_.Clear();
    writer_.Reset(buffer_);
  }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
  std::string date_;
};

// nlohmann's way: a document, then its text. It checks UTF-8.
using Json = nlohmann::ordered_json;

template <class T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const Context& context) {
  Json out = Json::object();
  for (const auto& [service, entry] : context) {
    Json& to = out[service] = Json::object();
    for (const auto& [name, value] : entry) std::visit([&](const auto& v) { to[name] = v; }, value);
  }
  return out;
}

Json json_of(const Clicked& c) { return {{"n", c.n}, {"page", json_of(c.page)}}; }

Json json_of(const Line& line) {
  return {{"sku", line.sku},
          {"title", line.title},
          {"quantity", line.quantity},
          {"price", line.price},
          {"discount", json_of(line.discount)}};
}

Json json_of(const Placed& p) {
  Json lines = Json::array();
  for (const Line& line : p.lines) lines.push_back(json_of(line));
  return {
      {"number", p.number},
      {"channel", channels[static_cast<std::size_t>(p.channel)]},
      {"paid", p.paid},
      {"placed", p.placed.time_since_epoch().count()},
      {"ship_to", {{"street", p.ship_to.street}, {"city", p.ship_to.city}, {"country", p.ship_to.country}}},
      {"lines", std::move(lines)},
      {"tags", p.tags},
      {"totals", p.totals},
      {"note", json_of(p.note)}};
}

template <class Data>
void write_by_nlohmann(const Whole<Data>& record, std::string& out) {
  const Envelope& e = *record.envelope;
  std::string date;
  append_iso8601(date, e.date);
  const Json json{{"type", to_string(e.kind)},
                  {"namespace", e.ns},
                  {"name", e.name},
                  {"protocol_version", e.protocol_version},
                  {"version", e.version},
                  {"source", e.source},
                  {"uuid", e.uuid},
                  {"correlation_id", e.correlation_id},
                  {"partition_key", json_of(e.partition_key)},
                  {"date_timestamp", e.date.time_since_epoch().count()},
                  {"date_iso8601", date},
                  {"context", json_of(record.context)},
                  {"data", json_of(record.data)}};
  out += json.dump();
}

template <class Data>
std::vector<Way<Data>> ways() {
  const auto sink = std::make_shared<RapidjsonSink>();
  return {ours<Data>(*json::serializer()),
          {"simdjson, appends: by hand", reading<Data, SimdjsonDom>(), AppendJson(), 1.25},
          {"RapidJSON", reading<Data, RapidjsonDom>(),
           [sink](const Whole<Data>& record, std::string& out) {
             write_by_hand(*sink, record);
             sink->move_to(out);
           },
           1},
          {"nlohmann", reading<Data, NlohmannDom>(), write_by_nlohmann<Data>, 1}};
}

}  // namespace

bool run_json(const Options& options) {
  const bool small = Contest("JSON", small_samples(), ways<Clicked>()).run(options, "json");
  return Contest("JSON", large_samples(), ways<Placed>()).run(options, "json") && small;
}

}  // namespace eventy::benchmark
