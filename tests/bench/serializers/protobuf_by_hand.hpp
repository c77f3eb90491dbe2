// Protocol Buffers as one would write it by hand on the generated classes: of the envelope with data as
// members by their names, into the structs, and of data that are a message of their own. The library checks
// UTF-8 on reading. Of what ours does it leaves out fields that are there twice, limits of size and elements,
// and the protocol's rules for the envelope.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include "bench.pb.h"
#include "eventy/protobuf/record.pb.h"
#include "tests/bench/serializers/read_by_hand.hpp"
#include "tests/bench/serializers/write_by_hand.hpp"

namespace eventy::benchmark {

// A Map and its values, for ReadByHand.
class WireDom {
 public:
  using Value = const protobuf::Value&;
  using Map = google::protobuf::Map<std::string, protobuf::Value>;

  static const auto& members(const protobuf::Context& context) { return context.services(); }
  static const Map& members(const protobuf::Map& map) { return map.members(); }
  static const Map& members(Value value) {
    need(value.has_map());
    return value.map().members();
  }
  static const auto& items(Value value) {
    need(value.has_list());
    return value.list().items();
  }
  static std::string_view text(Value value) {
    need(value.has_text());
    return value.text();
  }
  static std::int64_t integer(Value value) {
    need(value.has_integer());
    return value.integer();
  }
  static double real(Value value) {
    need(value.has_real());
    return value.real();
  }
  static bool boolean(Value value) {
    need(value.has_boolean());
    return value.boolean();
  }
  static bool is_null(Value value) { return value.is_case() == protobuf::Value::IS_NOT_SET; }
  static Instant instant(Value value) {
    need(value.has_instant());
    return Instant(Duration(value.instant()));
  }
  static ContextValue scalar(Value value) {
    if (value.has_text()) return value.text();
    if (value.has_integer()) return value.integer();
    if (value.has_real()) return value.real();
    if (value.has_boolean()) return value.boolean();
    need(is_null(value));
    return nullptr;
  }
};

// A Map, for write_by_hand.
class WireSink {
 public:
  explicit WireSink(protobuf::Map& root) : root_(&root) {}

  void open_map(std::size_t) {
    open_.push_back({.map = root_ ? root_ : next().mutable_map()}), root_ = nullptr;
  }
  void open_list(std::size_t) { open_.push_back({.list = next().mutable_list()}); }
  void close_map() { open_.pop_back(); }
  void close_list() { open_.pop_back(); }
  void name(std::string_view name) { value_ = &(*open_.back().map->mutable_members())[std::string(name)]; }
  void text(std::string_view utf8) { next().set_text(utf8.data(), utf8.size()); }
  void integer(std::int64_t value) { next().set_integer(value); }
  void real(double value) { next().set_real(value); }
  void boolean(bool value) { next().set_boolean(value); }
  void null() { next(); }
  void instant(Instant value) { next().set_instant(value.time_since_epoch().count()); }

 private:
  struct Open {
    protobuf::Map* map = nullptr;
    protobuf::List* list = nullptr;
  };
  protobuf::Value& next() { return open_.back().list ? *open_.back().list->add_items() : *value_; }

  protobuf::Map* root_;
  protobuf::Value* value_ = nullptr;
  std::vector<Open> open_;
};

template <class Record>
void read_envelope(const Record& record, Envelope& e) {
  need(record.type() >= protobuf::Record::EVENT);
  e.kind = static_cast<Kind>(record.type() - protobuf::Record::EVENT);
  e.ns = record.namespace_();
  e.name = record.name();
  e.protocol_version = record.protocol_version();
  e.version = record.version();
  e.source = record.source();
  e.uuid = record.uuid();
  e.correlation_id = record.correlation_id();
  e.partition_key.reset();
  if (record.has_partition_key()) e.partition_key = record.partition_key();
  e.date = Instant(Duration(record.date_timestamp()));
}

template <class Record>
void fill_envelope(const Envelope& e, Record& record) {
  const auto set = [](std::string_view from, std::string* to) { to->assign(from); };
  record.set_type(static_cast<protobuf::Record::Type>(static_cast<int>(e.kind) + protobuf::Record::EVENT));
  set(e.ns, record.mutable_namespace_());
  set(e.name, record.mutable_name());
  set(e.protocol_version, record.mutable_protocol_version());
  set(e.version, record.mutable_version());
  set(e.source, record.mutable_source());
  set(e.uuid, record.mutable_uuid());
  set(e.correlation_id, record.mutable_correlation_id());
  if (e.partition_key) set(*e.partition_key, record.mutable_partition_key());
  record.set_date_timestamp(e.date.time_since_epoch().count());
}

template <class Record>
void fill_context(const Context& context, Record& record) {
  for (const auto& [service, entry] : context) {
    WireSink sink((*record.mutable_context()->mutable_services())[service]);
    sink.open_map(entry.size());
    for (const auto& [name, value] : entry) sink.name(name), by_hand::write(sink, value);
    sink.close_map();
  }
}

// The record is kept from one to the next.
class GeneratedRecord {
 public:
  template <class Data>
  void decode(std::string_view bytes, Whole<Data>& out) {
    need(record_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    out.envelope = &envelope_;
    read_envelope(record_, envelope_);
    if (record_.has_context()) StructsByHand<WireDom>::read(record_.context(), out.context);
    if constexpr (Fields<Data>) {
      StructsByHand<WireDom>::read(record_.fields(), out.data);
    } else {
      need(record_.message().UnpackTo(&out.data));
    }
  }
  template <class Data>
  void encode(const Whole<Data>& whole, std::string& out) {
    record_.Clear();
    fill_envelope(*whole.envelope, record_);
    fill_context(whole.context, record_);
    if constexpr (Fields<Data>) {
      WireSink sink(*record_.mutable_fields());
      by_hand::write(sink, whole.data);
    } else {
      record_.mutable_message()->PackFrom(whole.data);
    }
    need(record_.AppendToString(&out));
  }

 private:
  protobuf::Record record_;
  Envelope envelope_;
};

// The same for a class whose data are of one type, in their place: nothing is copied out of it or into it.
template <class Record>
class GeneratedForOneType {
 public:
  template <class Data>
  void decode(std::string_view bytes, Whole<Data>& out) {
    need(record_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    out.envelope = &envelope_;
    read_envelope(record_, envelope_);
    if (record_.has_context()) StructsByHand<WireDom>::read(record_.context(), out.context);
    need(record_.message().has_value());
    out.data.Swap(record_.mutable_message()->mutable_value());
  }
  template <class Data>
  void encode(const Whole<Data>& whole, std::string& out) {
    record_.Clear();
    fill_envelope(*whole.envelope, record_);
    fill_context(whole.context, record_);
    auto* message = record_.mutable_message();
    message->set_type_url("type.googleapis.com/" + Data::descriptor()->full_name());
    message->set_allocated_value(const_cast<Data*>(&whole.data));  // lent
    const bool good = record_.AppendToString(&out);
    (void)message->release_value();
    need(good);
  }

 private:
  Record record_;
  Envelope envelope_;
};

}  // namespace eventy::benchmark
