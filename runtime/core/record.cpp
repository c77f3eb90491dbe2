#include "eventy/core/record.hpp"

#include <array>
#include <stdexcept>

#include "eventy/core/date.hpp"
#include "eventy/core/ids.hpp"
#include "quote.hpp"

namespace eventy {

namespace {

// What is wrong with a value; null: nothing. A literal, so that checking a valid record allocates nothing.
using Wrong = const char*;

Wrong wrong_kind(Kind k) {
  return k == Kind::event || k == Kind::request || k == Kind::response
             ? nullptr
             : "must be EVENT, REQUEST or RESPONSE, not";
}

Wrong wrong_urn(std::string_view v) {
  return v.starts_with("urn:") ? nullptr : "must start with urn:, unlike";
}

Wrong wrong_destination(std::string_view v) {
  if (auto wrong = wrong_urn(v)) return wrong;
  return v.find('.') == v.npos ? nullptr : "must be separated by : and contain no dot, unlike";
}

Wrong wrong_if_empty(std::string_view v) { return v.empty() ? "must not be empty, as is" : nullptr; }

Wrong wrong_version(std::string_view v) {
  return parse_version(v) ? nullptr : "must be a semantic version such as 1.0.0, not";
}

Wrong wrong_protocol_version(std::string_view v) {
  auto version = parse_version(v);
  if (!version) return "must be a semantic version such as 3.0.0, not";
  return version->major == 3 ? nullptr : "must be of the family >=3,<4, unlike";
}

Wrong wrong_uuid_v4(std::string_view v) {
  return is_uuid_v4(v) ? nullptr : "must be a UUID of version 4, not";
}
Wrong wrong_uuid(std::string_view v) { return is_uuid(v) ? nullptr : "must be a UUID, not"; }

Wrong wrong_date(Instant v) {
  return v < earliest_date || v > latest_date ? "must lie in the years 0001 to 9999, unlike" : nullptr;
}

std::string broken(std::string_view field, Wrong wrong, std::string_view value) {
  return std::string(field) + ": " + wrong + " " + detail::quoted(value);
}

std::string broken(std::string_view field, Wrong wrong, Instant value) {
  return std::string(field) + ": " + wrong + " " + std::to_string(value.time_since_epoch().count()) +
         " ms since 1970";
}

template <class T>
void require(std::string_view field, Wrong wrong, const T& value) {
  if (wrong) [[unlikely]]
    throw std::invalid_argument(broken(field, wrong, value));
}

std::optional<std::string> broken_response_rule(const Envelope& e) {
  if (auto wrong = wrong_destination(e.destination)) return broken("destination", wrong, e.destination);
  if (auto wrong = wrong_uuid(e.request_uuid)) return broken("request_uuid", wrong, e.request_uuid);
  return {};
}

// Reads one number of a version: without leading zeros, as the SemVer grammar demands, and at most 19 digits,
// which always fit into 64 bits.
bool take_number(std::string_view& rest, std::uint64_t& out) {
  std::size_t digits = 0;
  for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
    out = out * 10 + static_cast<std::uint64_t>(rest[digits] - '0');
  }
  if (digits == 0 || digits > 19 || (digits > 1 && rest[0] == '0')) return false;
  rest.remove_prefix(digits);
  return true;
}

bool take(std::string_view& rest, char c) {
  if (rest.empty() || rest[0] != c) return false;
  rest.remove_prefix(1);
  return true;
}

enum class Suffix : std::uint8_t { pre_release, build };

bool is_identifier(std::string_view s, Suffix suffix) {
  bool numeric = true;
  for (char c : s) {
    bool digit = c >= '0' && c <= '9', letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (!digit && !letter && c != '-') return false;
    numeric = numeric && digit;
  }
  bool leading_zero = numeric && s.size() > 1 && s[0] == '0';
  return !s.empty() && !(suffix == Suffix::pre_release && leading_zero);
}

bool is_suffix(std::string_view s, Suffix suffix) {
  for (;;) {
    auto dot = s.find('.');
    if (!is_identifier(s.substr(0, dot), suffix)) return false;
    if (dot == s.npos) return true;
    s.remove_prefix(dot + 1);
  }
}

bool are_suffixes(std::string_view rest) {
  if (take(rest, '-')) {
    auto plus = rest.find('+');
    if (!is_suffix(rest.substr(0, plus), Suffix::pre_release)) return false;
    rest.remove_prefix(plus == rest.npos ? rest.size() : plus);
  }
  return rest.empty() || (take(rest, '+') && is_suffix(rest, Suffix::build));
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::event:
      return "EVENT";
    case Kind::request:
      return "REQUEST";
    case Kind::response:
      return "RESPONSE";
    case Kind::query:
      return "QUERY";  // sent between nodes, never in a record
  }
  return "UNKNOWN";
}

std::optional<Kind> kind_of(std::string_view type) {
  for (auto kind : {Kind::event, Kind::request, Kind::response}) {
    if (type == to_string(kind)) return kind;
  }
  return {};
}

std::optional<Version> parse_version(std::string_view text) {
  const auto digit = [&](std::size_t i) { return static_cast<std::uint64_t>(text[i]) - '0'; };
  // Fast path: most versions are three single digits.
  if (text.size() == 5 && text[1] == '.' && text[3] == '.' && digit(0) <= 9 && digit(2) <= 9 && digit(4) <= 9)
    return Version{digit(0), digit(2), digit(4)};
  Version v;
  bool good = take_number(text, v.major) && take(text, '.') && take_number(text, v.minor) &&
              take(text, '.') && take_number(text, v.patch) && (text.empty() || are_suffixes(text));
  if (!good) return {};
  return v;
}

std::optional<std::string> broken_rule(const Envelope& e) {
  if (auto wrong = wrong_kind(e.kind)) return broken("type", wrong, to_string(e.kind));
  if (auto wrong = wrong_protocol_version(e.protocol_version)) {
    return broken("protocol_version", wrong, e.protocol_version);
  }
  if (auto wrong = wrong_urn(e.ns)) return broken("namespace", wrong, e.ns);
  if (auto wrong = wrong_if_empty(e.name)) return broken("name", wrong, e.name);
  if (auto wrong = wrong_version(e.version)) return broken("version", wrong, e.version);
  if (auto wrong = wrong_urn(e.source)) return broken("source", wrong, e.source);
  if (auto wrong = wrong_uuid_v4(e.uuid)) return broken("uuid", wrong, e.uuid);
  if (auto wrong = wrong_if_empty(e.correlation_id)) return broken("correlation_id", wrong, e.correlation_id);
  // Its text can only have such years.
  if (auto wrong = wrong_date(e.date)) return broken("date_timestamp", wrong, e.date);
  if (e.kind == Kind::response) return broken_response_rule(e);
  return {};
}

Record::Record(Kind kind, std::string ns, std::string name, std::string source)
    : kind_(kind), ns_(std::move(ns)), name_(std::move(name)), source_(std::move(source)) {
  require("type", wrong_kind(kind_), to_string(kind_));
  require("namespace", wrong_urn(ns_), ns_);
  require("name", wrong_if_empty(name_), name_);
  require("source", wrong_urn(source_), source_);
  uuid_ = random_uuid();
  correlation_id_ = make_correlation_id(std::string_view(source_).substr(4), name_);
  date_ = SystemClock().date();
}

Record::Record(const Envelope& e)
    : kind_(e.kind),
      ns_(e.ns),
      name_(e.name),
      protocol_version_(e.protocol_version),
      version_(e.version),
      source_(e.source),
      uuid_(e.uuid),
      correlation_id_(e.correlation_id),
      partition_key_(e.partition_key),
      date_(e.date) {
  if (kind_ == Kind::response) {
    destination_ = e.destination;
    request_uuid_ = e.request_uuid;
    ok_ = e.ok;
    error_code_ = e.error_code;
    if (e.error_message) error_message_.emplace(*e.error_message);
  }
  check();
}

Envelope Record::envelope() const {
  return {.kind = kind_,
          .ns = ns_,
          .name = name_,
          .protocol_version = protocol_version_,
          .version = version_,
          .source = source_,
          .uuid = uuid_,
          .correlation_id = correlation_id_,
          .partition_key = partition_key_,
          .date = date_,
          .destination = destination_,
          .request_uuid = request_uuid_,
          .ok = ok_,
          .error_code = error_code_,
          .error_message = error_message_};
}

Record& Record::set_protocol_version(std::string v) {
  require("protocol_version", wrong_protocol_version(v), v);
  protocol_version_ = std::move(v);
  return *this;
}

Record& Record::set_version(std::string v) {
  require("version", wrong_version(v), v);
  version_ = std::move(v);
  return *this;
}

Record& Record::set_source(std::string v) {
  require("source", wrong_urn(v), v);
  source_ = std::move(v);
  return *this;
}

Record& Record::set_uuid(std::string v) {
  require("uuid", wrong_uuid_v4(v), v);
  uuid_ = std::move(v);
  return *this;
}

Record& Record::set_correlation_id(std::string v) {
  require("correlation_id", wrong_if_empty(v), v);
  correlation_id_ = std::move(v);
  return *this;
}

Record& Record::set_partition_key(std::optional<std::string> v) {
  partition_key_ = std::move(v);
  return *this;
}

Record& Record::set_date(Instant v) {
  require("date", wrong_date(v), v);
  date_ = v;
  return *this;
}

Record& Record::set_destination(std::string v) {
  require_response("destination", v);
  require("destination", wrong_destination(v), v);
  destination_ = std::move(v);
  return *this;
}

Record& Record::set_request_uuid(std::string v) {
  require_response("request_uuid", v);
  require("request_uuid", wrong_uuid(v), v);
  request_uuid_ = std::move(v);
  return *this;
}

Record& Record::set_refusal(std::optional<std::int64_t> code, std::optional<std::string> message) {
  require_response("error_message", message.value_or(""));
  ok_ = false;
  error_code_ = code;
  error_message_ = std::move(message);
  return *this;
}

void Record::check() const {
  if (auto rule = broken_rule(envelope())) throw std::invalid_argument(*rule);
}

void Record::require_response(std::string_view field, std::string_view value) const {
  if (kind_ == Kind::response) return;
  throw std::invalid_argument(broken(field, "belongs to a RESPONSE only; refused", value));
}

}  // namespace eventy
