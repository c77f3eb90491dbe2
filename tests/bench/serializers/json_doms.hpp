// The documents of three JSON libraries for read_by_hand.hpp. Each keeps its memory from record to record as
// far as the library lets it, and checks UTF-8.
#pragma once

#define RAPIDJSON_SSE2
#include <rapidjson/document.h>
#include <simdjson.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "eventy/core/date.hpp"
#include "tests/bench/serializers/read_by_hand.hpp"

namespace eventy::benchmark {

// Of any of them: the date is text, instants are milliseconds.
template <class Dom>
struct JsonDates {
  static constexpr std::string_view date_name = "date_iso8601";
  template <class Value>
  static Instant date(const Value& value) {
    const auto date = parse_iso8601(Dom::text(value));
    need(date.has_value());
    return *date;
  }
  template <class Value>
  static Instant instant(const Value& value) {
    return Instant(Duration(Dom::integer(value)));
  }
};

class SimdjsonDom : public JsonDates<SimdjsonDom> {
 public:
  using Value = simdjson::dom::element;
  Value parse(std::string_view bytes) { return parser_.parse(bytes.data(), bytes.size(), false); }
  static auto members(Value value) {
    constexpr auto entry = [](const simdjson::dom::key_value_pair& e) {
      return Member<Value>{e.key, e.value};
    };
    const simdjson::dom::object map = value;
    return Entries<simdjson::dom::object::iterator, entry>{map.begin(), map.end()};
  }
  static simdjson::dom::array items(Value value) { return value; }
  static std::string_view text(Value value) { return value.get_string(); }
  static std::int64_t integer(Value value) { return value.get_int64(); }
  static double real(Value value) { return value.get_double(); }
  static bool boolean(Value value) { return value.get_bool(); }
  static bool is_null(Value value) { return value.is_null(); }
  static ContextValue scalar(Value value) {
    using enum simdjson::dom::element_type;
    if (value.type() == STRING) return std::string(text(value));
    if (value.type() == INT64) return integer(value);
    if (value.type() == DOUBLE) return real(value);
    if (value.type() == BOOL) return boolean(value);
    need(value.is_null());
    return nullptr;
  }

 private:
  simdjson::dom::parser parser_;
};

class RapidjsonDom : public JsonDates<RapidjsonDom> {
 public:
  using Value = const rapidjson::Value&;
  Value parse(std::string_view bytes) {
    document_.reset();
    allocator_.Clear();
    document_.emplace(&allocator_);
    // The padding ends the text, which is the faster way in for it.
    document_->Parse<rapidjson::kParseValidateEncodingFlag>(bytes.data());
    need(!document_->HasParseError());
    return *document_;
  }
  static auto members(Value value) {
    constexpr auto entry = [](const auto& e) { return Member<Value>{text(e.name), e.value}; };
    need(value.IsObject());
    return Entries<rapidjson::Value::ConstMemberIterator, entry>{value.MemberBegin(), value.MemberEnd()};
  }
  static auto items(Value value) {
    need(value.IsArray());
    return value.GetArray();
  }
  static std::string_view text(Value value) {
    need(value.IsString());
    return {value.GetString(), value.GetStringLength()};
  }
  static std::int64_t integer(Value value) {
    need(value.IsInt64());
    return value.GetInt64();
  }
  static double real(Value value) {
    need(value.IsNumber());
    return value.GetDouble();
  }
  static bool boolean(Value value) {
    need(value.IsBool());
    return value.GetBool();
  }
  static bool is_null(Value value) { return value.IsNull(); }
  static ContextValue scalar(Value value) {
    if (value.IsString()) return std::string(text(value));
    if (value.IsInt64()) return value.GetInt64();
    if (value.IsDouble()) return value.GetDouble();
    if (value.IsBool()) return value.GetBool();
    need(value.IsNull());
    return nullptr;
  }

 private:
  rapidjson::MemoryPoolAllocator<> allocator_;
  std::optional<rapidjson::Document> document_;
};

class NlohmannDom : public JsonDates<NlohmannDom> {
 public:
  using Value = const nlohmann::json&;
  Value parse(std::string_view bytes) { return document_ = nlohmann::json::parse(bytes); }
  static const auto& members(Value value) { return value.get_ref<const nlohmann::json::object_t&>(); }
  static const auto& items(Value value) { return value.get_ref<const nlohmann::json::array_t&>(); }
  static std::string_view text(Value value) { return value.get_ref<const std::string&>(); }
  static std::int64_t integer(Value value) {
    need(value.is_number_integer());
    return value.get<std::int64_t>();
  }
  static double real(Value value) { return value.get<double>(); }
  static bool boolean(Value value) { return value.get<bool>(); }
  static bool is_null(Value value) { return value.is_null(); }
  static ContextValue scalar(Value value) {
    if (value.is_string()) return std::string(text(value));
    if (value.is_number_integer()) return integer(value);
    if (value.is_number()) return real(value);
    if (value.is_boolean()) return boolean(value);
    need(value.is_null());
    return nullptr;
  }

 private:
  nlohmann::json document_;
};

}  // namespace eventy::benchmark
