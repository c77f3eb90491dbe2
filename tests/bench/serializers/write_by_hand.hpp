// From the struct to a library's writer, of any format that names its members, as one would write it by hand
// for these two records.
//
// A Sink has: open_map(members), close_map, open_list(items), close_list; name, text, integer, real, boolean,
// null, instant; envelope_date(Instant), which writes the members for it, as many as date_members.
#pragma once

#include "tests/bench/serializers/subjects.hpp"

namespace eventy::benchmark {

template <class Sink, class Data>
void write_by_hand(Sink& to, const Whole<Data>& record);

namespace by_hand {

template <class Sink, class Write>
void write_or_null(Sink& to, const auto& optional, Write write) {
  if (optional) {
    write(*optional);
  } else {
    to.null();
  }
}

template <class Sink>
void write(Sink& to, const ContextValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    to.text(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    to.integer(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    to.real(*real);
  } else if (const auto* boolean = std::get_if<bool>(&value)) {
    to.boolean(*boolean);
  } else {
    to.null();
  }
}

template <class Sink>
void write(Sink& to, const Context& context) {
  to.open_map(context.size());
  for (const auto& [service, entry] : context) {
    to.name(service);
    to.open_map(entry.size());
    for (const auto& [name, value] : entry) to.name(name), write(to, value);
    to.close_map();
  }
  to.close_map();
}

template <class Sink>
void write(Sink& to, const Clicked& c) {
  to.open_map(2);
  to.name("n"), to.integer(c.n);
  to.name("page"), write_or_null(to, c.page, [&](const std::string& page) { to.text(page); });
  to.close_map();
}

template <class Sink>
void write(Sink& to, const Address& a) {
  to.open_map(3);
  to.name("street"), to.text(a.street);
  to.name("city"), to.text(a.city);
  to.name("country"), to.text(a.country);
  to.close_map();
}

template <class Sink>
void write(Sink& to, const Line& line) {
  to.open_map(5);
  to.name("sku"), to.text(line.sku);
  to.name("title"), to.text(line.title);
  to.name("quantity"), to.integer(line.quantity);
  to.name("price"), to.real(line.price);
  to.name("discount"), write_or_null(to, line.discount, [&](double discount) { to.real(discount); });
  to.close_map();
}

template <class Sink>
void write(Sink& to, const Placed& p) {
  to.open_map(9);
  to.name("number"), to.text(p.number);
  to.name("channel"), to.text(channels[static_cast<std::size_t>(p.channel)]);
  to.name("paid"), to.boolean(p.paid);
  to.name("placed"), to.instant(p.placed);
  to.name("ship_to"), write(to, p.ship_to);
  to.name("lines"), to.open_list(p.lines.size());
  for (const Line& line : p.lines) write(to, line);
  to.close_list();
  to.name("tags"), to.open_list(p.tags.size());
  for (const auto& tag : p.tags) to.text(tag);
  to.close_list();
  to.name("totals"), to.open_map(p.totals.size());
  for (const auto& [name, total] : p.totals) to.name(name), to.integer(total);
  to.close_map();
  to.name("note"), write_or_null(to, p.note, [&](const std::string& note) { to.text(note); });
  to.close_map();
}

}  // namespace by_hand

template <class Sink, class Data>
void write_by_hand(Sink& to, const Whole<Data>& record) {
  const Envelope& e = *record.envelope;
  to.open_map(11 + Sink::date_members);
  to.name("type"), to.text(to_string(e.kind));
  to.name("namespace"), to.text(e.ns);
  to.name("name"), to.text(e.name);
  to.name("protocol_version"), to.text(e.protocol_version);
  to.name("version"), to.text(e.version);
  to.name("source"), to.text(e.source);
  to.name("uuid"), to.text(e.uuid);
  to.name("correlation_id"), to.text(e.correlation_id);
  to.name("partition_key");
  by_hand::write_or_null(to, e.partition_key, [&](std::string_view key) { to.text(key); });
  to.envelope_date(e.date);
  to.name("context"), by_hand::write(to, record.context);
  to.name("data"), by_hand::write(to, record.data);
  to.close_map();
}

}  // namespace eventy::benchmark
