// JSON as one would write it by hand for these two records: the document of simdjson into the struct, and
// appending to a string. It checks types, enums, dates and that no member is absent, and escapes what it
// writes. Of what ours does it leaves out the protocol's rules for the envelope, members that are there
// twice, unsigned integers, paths in errors, the limits of depth and elements, and that what is written is
// UTF-8.
#pragma once

#include <simdjson.h>

#include <charconv>
#include <stdexcept>

#include "eventy/core/date.hpp"
#include "tests/bench/serializers/subjects.hpp"

namespace eventy::benchmark {

class ReadByHand {
 public:
  template <class Data>
  void operator()(std::string_view bytes, Whole<Data>& out) {
    envelope_ = {};
    out.envelope = &envelope_;
    unsigned found = 0;
    for (const auto [key, value] : parser_.parse(bytes.data(), bytes.size(), false).get_object()) {
      if (key == "data") {
        read(value, out.data), ++found;
      } else if (key == "context") {
        read(value, out.context);
      } else {
        found += read_envelope(key, value);
      }
    }
    need(found == 11);
  }

 private:
  using Element = simdjson::dom::element;

  static void need(bool good) {
    if (!good) throw std::runtime_error("malformed");
  }
  static std::string_view text(Element e) { return e.get_string(); }

  bool read_envelope(std::string_view key, Element value) {
    if (key == "type") {
      const auto kind = kind_of(text(value));
      need(kind.has_value());
      envelope_.kind = *kind;
    } else if (key == "namespace") {
      envelope_.ns = text(value);
    } else if (key == "name") {
      envelope_.name = text(value);
    } else if (key == "protocol_version") {
      envelope_.protocol_version = text(value);
    } else if (key == "version") {
      envelope_.version = text(value);
    } else if (key == "source") {
      envelope_.source = text(value);
    } else if (key == "uuid") {
      envelope_.uuid = text(value);
    } else if (key == "correlation_id") {
      envelope_.correlation_id = text(value);
    } else if (key == "partition_key") {
      if (!value.is_null()) envelope_.partition_key = text(value);
    } else if (key == "date_iso8601") {
      const auto date = parse_iso8601(text(value));
      need(date.has_value());
      envelope_.date = *date;
    } else {
      return false;
    }
    return true;
  }

  static void read(Element e, Context& out) {
    for (const auto [service, entry] : simdjson::dom::object(e)) {
      ContextEntry& to = out[std::string(service)];
      for (const auto [name, value] : simdjson::dom::object(entry)) to.emplace(name, scalar(value));
    }
  }
  static ContextValue scalar(Element e) {
    switch (e.type()) {
      case simdjson::dom::element_type::STRING:
        return std::string(text(e));
      case simdjson::dom::element_type::INT64:
        return std::int64_t(e);
      case simdjson::dom::element_type::DOUBLE:
        return double(e);
      case simdjson::dom::element_type::BOOL:
        return bool(e);
      default:
        need(e.is_null());
        return nullptr;
    }
  }

  static void read(Element e, Clicked& out) {
    bool n = false;
    for (const auto [key, value] : simdjson::dom::object(e)) {
      if (key == "n") {
        out.n = value.get_int64(), n = true;
      } else if (key == "page") {
        if (!value.is_null()) out.page = text(value);
      }
    }
    need(n);
  }

  static void read(Element e, Address& out) {
    unsigned found = 0;
    for (const auto [key, value] : simdjson::dom::object(e)) {
      if (key == "street") {
        out.street = text(value), ++found;
      } else if (key == "city") {
        out.city = text(value), ++found;
      } else if (key == "country") {
        out.country = text(value), ++found;
      }
    }
    need(found == 3);
  }

  static void read(Element e, Line& out) {
    unsigned found = 0;
    for (const auto [key, value] : simdjson::dom::object(e)) {
      if (key == "sku") {
        out.sku = text(value), ++found;
      } else if (key == "title") {
        out.title = text(value), ++found;
      } else if (key == "quantity") {
        out.quantity = value.get_int64(), ++found;
      } else if (key == "price") {
        out.price = value.get_double(), ++found;
      } else if (key == "discount") {
        if (!value.is_null()) out.discount = value.get_double();
      }
    }
    need(found == 4);
  }

  static Channel channel_in(std::string_view name) {
    const auto at = std::find(channels.begin(), channels.end(), name);
    need(at != channels.end());
    return static_cast<Channel>(at - channels.begin());
  }

  static void read(Element e, Placed& out) {
    unsigned found = 0;
    for (const auto [key, value] : simdjson::dom::object(e)) {
      ++found;
      if (key == "number") {
        out.number = text(value);
      } else if (key == "channel") {
        out.channel = channel_in(text(value));
      } else if (key == "paid") {
        out.paid = value.get_bool();
      } else if (key == "placed") {
        out.placed = Instant(Duration(value.get_int64().value()));
      } else if (key == "ship_to") {
        read(value, out.ship_to);
      } else if (key == "lines") {
        for (const auto item : simdjson::dom::array(value)) read(item, out.lines.emplace_back());
      } else if (key == "tags") {
        for (const auto item : simdjson::dom::array(value)) out.tags.emplace_back(text(item));
      } else if (key == "totals") {
        for (const auto [name, total] : simdjson::dom::object(value))
          out.totals.emplace(name, total.get_int64());
      } else {
        --found;
        if (key == "note" && !value.is_null()) out.note = text(value);
      }
    }
    need(found == 8);
  }

  simdjson::dom::parser parser_;
  Envelope envelope_;
};

class WriteByHand {
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
