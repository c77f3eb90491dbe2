// The protocol's JSON by appending to a string, as one would write it by hand for these two records. It
// escapes texts but does not check that they are UTF-8.
#pragma once

#include <charconv>
#include <utility>

#include "eventy/core/date.hpp"
#include "tests/bench/serializers/subjects.hpp"

namespace eventy::benchmark {

class AppendJson {
 public:
  template <class Data>
  void operator()(const Whole<Data>& record, std::string& out) {
    out_ = &out;
    const Envelope& e = *record.envelope;
    put("{\"type\":"), text(to_string(e.kind));
    put(",\"namespace\":"), text(e.ns);
    put(",\"name\":"), text(e.name);
    put(",\"protocol_version\":"), text(e.protocol_version);
    put(",\"version\":"), text(e.version);
    put(",\"source\":"), text(e.source);
    put(",\"uuid\":"), text(e.uuid);
    put(",\"correlation_id\":"), text(e.correlation_id);
    put(",\"partition_key\":");
    if (e.partition_key) {
      text(*e.partition_key);
    } else {
      put("null");
    }
    put(",\"date_timestamp\":"), number(std::int64_t{e.date.time_since_epoch().count()});
    put(",\"date_iso8601\":\""), append_iso8601(out, e.date);
    put("\",\"context\":"), write(record.context);
    put(",\"data\":"), write(record.data);
    put("}");
  }

 private:
  void put(std::string_view literal) { out_->append(literal); }
  template <class Number>
  void number(Number value) {
    char digits[32];
    out_->append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  void text(std::string_view utf8) {
    out_->push_back('"');
    std::size_t from = 0;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
      const auto c = static_cast<unsigned char>(utf8[i]);
      if (c >= 0x20 && c != '"' && c != '\\') continue;
      out_->append(utf8.substr(from, i - from));
      escape(c);
      from = i + 1;
    }
    out_->append(utf8.substr(from));
    out_->push_back('"');
  }
  void escape(unsigned char c) {
    if (c == '"' || c == '\\') {
      *out_ += '\\', *out_ += static_cast<char>(c);
    } else if (c == '\n') {
      put("\\n");
    } else {
      constexpr std::string_view hex = "0123456789abcdef";
      put("\\u00"), *out_ += hex[c >> 4], *out_ += hex[c & 15];
    }
  }

  void write(const ContextValue& value) {
    if (const auto* s = std::get_if<std::string>(&value)) {
      text(*s);
    } else if (const auto* i = std::get_if<std::int64_t>(&value)) {
      number(*i);
    } else if (const auto* d = std::get_if<double>(&value)) {
      number(*d);
    } else if (const auto* b = std::get_if<bool>(&value)) {
      put(*b ? "true" : "false");
    } else {
      put("null");
    }
  }
  template <class T>
  void write(const std::map<std::string, T, std::less<>>& map) {
    char before = '{';
    for (const auto& [name, value] : map)
      *out_ += std::exchange(before, ','), text(name), *out_ += ':', write(value);
    put(before == '{' ? "{}" : "}");
  }

  void write(const Clicked& c) {
    put("{\"n\":"), number(c.n);
    put(",\"page\":"), write(c.page);
    put("}");
  }
  void write(const std::optional<std::string>& value) {
    if (value) {
      text(*value);
    } else {
      put("null");
    }
  }
  void write(const Line& line) {
    put("{\"sku\":"), text(line.sku);
    put(",\"title\":"), text(line.title);
    put(",\"quantity\":"), number(line.quantity);
    put(",\"price\":"), number(line.price);
    put(",\"discount\":");
    if (line.discount) {
      number(*line.discount);
    } else {
      put("null");
    }
    put("}");
  }
  void write(const Placed& p) {
    put("{\"number\":"), text(p.number);
    put(",\"channel\":"), text(channels[static_cast<std::size_t>(p.channel)]);
    put(p.paid ? ",\"paid\":true" : ",\"paid\":false");
    put(",\"placed\":"), number(std::int64_t{p.placed.time_since_epoch().count()});
    put(",\"ship_to\":{\"street\":"), text(p.ship_to.street);
    put(",\"city\":"), text(p.ship_to.city);
    put(",\"country\":"), text(p.ship_to.country);
    put("},\"lines\":[");
    for (const Line& line : p.lines) write(line), *out_ += ',';
    close(']');
    put(",\"tags\":[");
    for (const auto& tag : p.tags) text(tag), *out_ += ',';
    close(']');
    put(",\"totals\":{");
    for (const auto& [name, value] : p.totals) text(name), *out_ += ':', number(value), *out_ += ',';
    close('}');
    put(",\"note\":"), write(p.note);
    put("}");
  }
  void close(char bracket) {
    if (out_->back() == ',') {
      out_->back() = bracket;
    } else {
      out_->push_back(bracket);
    }
  }

  std::string* out_ = nullptr;
};

}  // namespace eventy::benchmark
