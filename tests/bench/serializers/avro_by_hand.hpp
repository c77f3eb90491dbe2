// Avro as one would write it by hand on the Avro C library, for these two records: a generic value of the
// schema, and its fields by their numbers. The schema is parsed once; a record's own is only compared with
// it, as ours does. Of what ours does it leaves out the check of UTF-8, members of maps that are there twice,
// limits, records of any other schema and the protocol's rules for the envelope. Values are kept from record
// to record.
#pragma once

#include <avro.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "eventy/core/date.hpp"
#include "tests/bench/serializers/subjects.hpp"

namespace eventy::benchmark {

inline void must(int code) {
  if (code != 0) throw std::runtime_error(avro_strerror());
}

// The values of a record's schema, in its order.
struct AvroField {
  enum : std::size_t {
    ns,
    name,
    type,
    protocol_version,
    version,
    source,
    uuid,
    correlation_id,
    partition_key,
    date_timestamp,
    date_iso8601,
    context,
    data
  };
};
// Branches of unions: those of a value in a context, and of what may be null.
enum class InContext : std::uint8_t { text, float64, float32, int64, int32, boolean, null };
inline constexpr int key_there = 0, key_null = 1, null_branch = 0, value_branch = 1;

class AvroSchema {
 public:
  explicit AvroSchema(std::string_view json) {
    must(avro_schema_from_json_length(json.data(), json.size(), &schema_));
    class_ = avro_generic_class_from_schema(schema_);
    must(avro_generic_value_new(class_, &value_));
  }
  AvroSchema(const AvroSchema&) = delete;
  AvroSchema& operator=(const AvroSchema&) = delete;
  ~AvroSchema() {
    avro_value_decref(&value_);
    avro_value_iface_decref(class_);
    avro_schema_decref(schema_);
  }
  avro_schema_t schema() { return schema_; }
  avro_value_t* value() { return &value_; }

 private:
  avro_schema_t schema_ = nullptr;
  avro_value_iface_t* class_ = nullptr;
  avro_value_t value_ = {};
};

class ReadAvroValue {
 public:
  template <class Data>
  void operator()(const avro_value_t& record, Whole<Data>& out) {
    using F = AvroField;
    envelope_ = {};
    out.envelope = &envelope_;
    envelope_.kind = Kind::event;  // the one symbol of its type
    envelope_.ns = text(at(record, F::ns));
    envelope_.name = text(at(record, F::name));
    envelope_.protocol_version = text(at(record, F::protocol_version));
    envelope_.version = text(at(record, F::version));
    envelope_.source = text(at(record, F::source));
    envelope_.uuid = text(at(record, F::uuid));
    envelope_.correlation_id = text(at(record, F::correlation_id));
    const auto key = at(record, F::partition_key);
    if (branch_of(key) == key_there) envelope_.partition_key = text(inner(key));
    const auto date = parse_iso8601(text(at(record, F::date_iso8601)));
    if (!date) throw std::runtime_error("malformed");
    envelope_.date = *date;
    read(at(record, F::context), out.context);
    read(at(record, F::data), out.data);
  }

 private:
  static avro_value_t at(const avro_value_t& from, std::size_t i, const char** name = nullptr) {
    avro_value_t out;
    must(avro_value_get_by_index(&from, i, &out, name));
    return out;
  }
  static std::size_t size(const avro_value_t& from) {
    std::size_t size = 0;
    must(avro_value_get_size(&from, &size));
    return size;
  }
  static std::string_view text(const avro_value_t& from) {
    const char* text = nullptr;
    std::size_t size = 0;  // with the null behind it
    must(avro_value_get_string(&from, &text, &size));
    return {text, size - 1};
  }
  static std::int64_t integer(const avro_value_t& from) {
    std::int64_t value = 0;
    must(avro_value_get_long(&from, &value));
    return value;
  }
  static double real(const avro_value_t& from) {
    double value = 0;
    must(avro_value_get_double(&from, &value));
    return value;
  }
  static bool boolean(const avro_value_t& from) {
    int value = 0;
    must(avro_value_get_boolean(&from, &value));
    return value != 0;
  }
  static int branch_of(const avro_value_t& from) {
    int branch = 0;
    must(avro_value_get_discriminant(&from, &branch));
    return branch;
  }
  static avro_value_t inner(const avro_value_t& from) {
    avro_value_t out;
    must(avro_value_get_current_branch(&from, &out));
    return out;
  }

  static ContextValue scalar(const avro_value_t& from) {
    const auto value = inner(from);
    switch (static_cast<InContext>(branch_of(from))) {
      case InContext::text:
        return std::string(text(value));
      case InContext::float64:
        return real(value);
      case InContext::float32: {
        float small = 0;
        must(avro_value_get_float(&value, &small));
        return static_cast<double>(small);
      }
      case InContext::int64:
        return integer(value);
      case InContext::int32: {
        std::int32_t small = 0;
        must(avro_value_get_int(&value, &small));
        return std::int64_t{small};
      }
      case InContext::boolean:
        return boolean(value);
      case InContext::null:
        break;
    }
    return nullptr;
  }
  static void read(const avro_value_t& from, Context& out) {
    const char* name = nullptr;
    for (std::size_t i = 0; i < size(from); ++i) {
      const auto entry = at(from, i, &name);
      ContextEntry& to = out[name];
      for (std::size_t k = 0; k < size(entry); ++k) {
        const auto value = at(entry, k, &name);
        to.emplace(name, scalar(value));
      }
    }
  }

  static void read(const avro_value_t& from, Clicked& out) {
    out.n = integer(at(from, 0));
    read(at(from, 1), out.page);
  }
  static void read(const avro_value_t& from, std::optional<std::string>& out) {
    if (branch_of(from) == value_branch) out = text(inner(from));
  }
  static void read(const avro_value_t& from, Line& out) {
    out.sku = text(at(from, 0));
    out.title = text(at(from, 1));
    out.quantity = integer(at(from, 2));
    out.price = real(at(from, 3));
    const auto discount = at(from, 4);
    if (branch_of(discount) == value_branch) out.discount = real(inner(discount));
  }
  static void read(const avro_value_t& from, Placed& out) {
    out.number = text(at(from, 0));
    const auto channel = at(from, 1);
    int symbol = 0;
    must(avro_value_get_enum(&channel, &symbol));
    out.channel = static_cast<Channel>(symbol);
    out.paid = boolean(at(from, 2));
    out.placed = Instant(Duration(integer(at(from, 3))));
    const auto address = at(from, 4);
    out.ship_to.street = text(at(address, 0));
    out.ship_to.city = text(at(address, 1));
    out.ship_to.country = text(at(address, 2));
    const auto lines = at(from, 5), tags = at(from, 6), totals = at(from, 7);
    for (std::size_t i = 0; i < size(lines); ++i) read(at(lines, i), out.lines.emplace_back());
    for (std::size_t i = 0; i < size(tags); ++i) out.tags.emplace_back(text(at(tags, i)));
    const char* name = nullptr;
    for (std::size_t i = 0; i < size(totals); ++i) {
      const auto total = at(totals, i, &name);
      out.totals.emplace(name, integer(total));
    }
    read(at(from, 8), out.note);
  }

  Envelope envelope_;
};

class FillAvroValue {
 public:
  template <class Data>
  void operator()(const Whole<Data>& record, avro_value_t& to) {
    using F = AvroField;
    const Envelope& e = *record.envelope;
    must(avro_value_reset(&to));
    set(at(to, F::ns), e.ns);
    set(at(to, F::name), e.name);
    set_symbol(at(to, F::type), 0);
    set(at(to, F::protocol_version), e.protocol_version);
    set(at(to, F::version), e.version);
    set(at(to, F::source), e.source);
    set(at(to, F::uuid), e.uuid);
    set(at(to, F::correlation_id), e.correlation_id);
    const auto key = branch(at(to, F::partition_key), e.partition_key ? key_there : key_null);
    if (e.partition_key) {
      set(key, *e.partition_key);
    } else {
      set_null(key);
    }
    set(at(to, F::date_timestamp), std::int64_t{e.date.time_since_epoch().count()});
    date_.clear();
    append_iso8601(date_, e.date);
    set(at(to, F::date_iso8601), date_);
    fill(at(to, F::context), record.context);
    fill(at(to, F::data), record.data);
  }

 private:
  static avro_value_t at(avro_value_t to, std::size_t i) {
    avro_value_t out;
    must(avro_value_get_by_index(&to, i, &out, nullptr));
    return out;
  }
  static avro_value_t append(avro_value_t to) {
    avro_value_t out;
    must(avro_value_append(&to, &out, nullptr));
    return out;
  }
  static avro_value_t add(avro_value_t to, const std::string& name) {
    avro_value_t out;
    must(avro_value_add(&to, name.c_str(), &out, nullptr, nullptr));
    return out;
  }
  static avro_value_t branch(avro_value_t to, int branch) {
    avro_value_t out;
    must(avro_value_set_branch(&to, branch, &out));
    return out;
  }
  // Sizes are with a null behind the text, as all texts here have one.
  static void set(avro_value_t to, std::string_view text) {
    must(avro_value_set_string_len(&to, const_cast<char*>(text.data()), text.size() + 1));
  }
  static void set(avro_value_t to, const std::string& text) { set(to, std::string_view(text)); }
  static void set(avro_value_t to, std::int64_t value) { must(avro_value_set_long(&to, value)); }
  static void set(avro_value_t to, double value) { must(avro_value_set_double(&to, value)); }
  static void set(avro_value_t to, bool value) { must(avro_value_set_boolean(&to, value)); }
  static void set_symbol(avro_value_t to, int symbol) { must(avro_value_set_enum(&to, symbol)); }
  static void set_null(avro_value_t to) { must(avro_value_set_null(&to)); }
  template <class T>
  static void set(avro_value_t to, const std::optional<T>& value) {
    const auto inner = branch(to, value ? value_branch : null_branch);
    if (value) {
      set(inner, *value);
    } else {
      set_null(inner);
    }
  }

  static void fill(avro_value_t to, const ContextValue& value) {
    const auto inner = [&](InContext b) { return branch(to, static_cast<int>(b)); };
    if (const auto* text = std::get_if<std::string>(&value)) {
      set(inner(InContext::text), *text);
    } else if (const auto* real = std::get_if<double>(&value)) {
      set(inner(InContext::float64), *real);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      set(inner(InContext::int64), *integer);
    } else if (const auto* boolean = std::get_if<bool>(&value)) {
      set(inner(InContext::boolean), *boolean);
    } else {
      set_null(inner(InContext::null));
    }
  }
  static void fill(avro_value_t to, const Context& context) {
    for (const auto& [service, entry] : context) {
      const auto inner = add(to, service);
      for (const auto& [name, value] : entry) fill(add(inner, name), value);
    }
  }
  static void fill(avro_value_t to, const Clicked& c) {
    set(at(to, 0), c.n);
    set(at(to, 1), c.page);
  }
  static void fill(avro_value_t to, const Line& line) {
    set(at(to, 0), line.sku);
    set(at(to, 1), line.title);
    set(at(to, 2), line.quantity);
    set(at(to, 3), line.price);
    set(at(to, 4), line.discount);
  }
  static void fill(avro_value_t to, const Placed& p) {
    set(at(to, 0), p.number);
    set_symbol(at(to, 1), static_cast<int>(p.channel));
    set(at(to, 2), p.paid);
    set(at(to, 3), std::int64_t{p.placed.time_since_epoch().count()});
    const auto address = at(to, 4), lines = at(to, 5), tags = at(to, 6), totals = at(to, 7);
    set(at(address, 0), p.ship_to.street);
    set(at(address, 1), p.ship_to.city);
    set(at(address, 2), p.ship_to.country);
    for (const Line& line : p.lines) fill(append(lines), line);
    for (const auto& tag : p.tags) set(append(tags), tag);
    for (const auto& [name, total] : p.totals) set(add(totals, name), total);
    set(at(to, 8), p.note);
  }

  std::string date_;
};

}  // namespace eventy::benchmark
