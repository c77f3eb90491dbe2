// Converts records of protocol 1 and 2 to records of protocol 3, as the peer does (runtime/core/protocol.md,
// "Avro"). The peer uses random ids and the current time if they are missing. Here they are derived from the
// record's bytes, so that a record is the same each time it is read.
#include <algorithm>

#include "avro_decoder.hpp"
#include "eventy/core/date.hpp"
#include "eventy/core/decoding.hpp"
#include "eventy/core/ids.hpp"

namespace eventy::avro::detail {

using eventy::detail::decode_step;

namespace {

constexpr std::string_view default_version = "1.0.0", unspecified = "urn:unspecified";

bool is_there(const Token* token) { return token && token->tag != Tag::null; }

// Reads milliseconds, an integer or a real.
Instant timestamp_in(const Token& token, Role role) {
  TapeReader reader;
  reader.start(&token);
  return decode_step(name_of(role), [&] {
    const auto ms = [](Instant date) { return static_cast<double>(date.time_since_epoch().count()); };
    const double given = token.tag == Tag::real ? reader.real() : ms(reader.instant());
    if (!(given >= ms(earliest_date) && given <= ms(latest_date)))
      eventy::detail::fail_out_of_range(std::to_string(given) + " ms since 1970");
    return Instant(Duration(static_cast<std::int64_t>(given)));
  });
}

// Also accepts a date without an offset, and a day alone, as UTC.
Instant iso_date_in(const Token& token, Role role) {
  const auto text = std::string(text_in(token, role));
  for (const auto* rest : {"", "Z", "T00:00:00Z"}) {
    if (const auto date = parse_iso8601(text + rest)) return *date;
  }
  return decode_step(name_of(role), [&]() -> Instant { eventy::detail::fail_date(text); });
}

// Whether the member is part of the envelope; all others are data.
bool is_consumed(Role role, Kind kind) {
  if (role == Role::record_namespace || role == Role::record_name || role == Role::other) return false;
  if (role >= Role::destination && role <= Role::error_message) return kind == Kind::response;
  return true;
}

}  // namespace

void AvroDecoder::settle_legacy(std::string_view datum) {
  Envelope& e = envelope_;
  const auto text_or = [&](Role role, std::string_view default_value) {
    const auto* token = found(role);
    return token ? text_in(*token, role) : default_value;
  };
  if (const auto* token = found(Role::type)) e.kind = kind_in(*token);
  e.ns = plan_->ns, e.name = plan_->name;
  e.version = text_or(Role::version, default_version);
  source_ = as_urn(text_or(Role::source, unspecified));
  e.source = source_;
  if (const auto* token = found(Role::partition_key))
    e.partition_key = text_or_null_in(*token, Role::partition_key);
  settle_legacy_date();
  settle_legacy_ids(datum);
  if (is_there(found(Role::context))) context_ = found(Role::context);
  if (e.kind == Kind::response) settle_response();
  settle_legacy_data();
}

void AvroDecoder::settle_legacy_date() {
  for (auto role = Role::timestamp; role <= Role::date_iso8601;
       role = static_cast<Role>(static_cast<int>(role) + 1)) {
    const auto* token = found(role);
    if (!is_there(token)) continue;
    envelope_.date = role >= Role::date_iso ? iso_date_in(*token, role) : timestamp_in(*token, role);
    return;
  }
}

void AvroDecoder::settle_legacy_ids(std::string_view datum) {
  Envelope& e = envelope_;
  std::string_view given;
  if (const auto* token = found(Role::uuid); is_there(token)) given = text_in(*token, Role::uuid);
  if (!given.empty() && !is_uuid(given)) throw DecodeError("must be a UUID").within(name_of(Role::uuid));
  if (is_uuid_v4(given)) {
    e.uuid = given;
  } else {
    static const UuidDeriver deriver("eventy.avro.legacy");
    uuid_.resize(36);
    deriver.derive(given.empty() ? datum : given, 0, std::span<char, 36>(uuid_.data(), 36));
    e.uuid = uuid_;
  }
  if (const auto* token = found(Role::correlation_id); is_there(token))
    e.correlation_id = text_in(*token, Role::correlation_id);
  if (!e.correlation_id.empty()) return;
  correlation_id_ = make_correlation_id(e.source.substr(4), e.name, hash64(datum));
  e.correlation_id = correlation_id_;
}

// The data consists of the members of `data` and of all members outside the envelope. If two have the same
// name, the latter wins.
void AvroDecoder::settle_legacy_data() {
  const auto* data = found(Role::data);
  if (is_there(data) && data->tag != Tag::map)
    decode_step(name_of(Role::data), [&] { fail_type("a map", *data); });
  std::vector<std::string_view> names;
  for (const auto& field : fields_) {
    if (!is_consumed(field.role, envelope_.kind)) names.push_back(field.name);
  }
  std::sort(names.begin(), names.end());
  data_tape_.assign(1, {.tag = Tag::map, .span = 0});
  const auto append = [&](std::string_view name, const Token& value) {
    data_tape_.push_back(text_token(name));
    data_tape_.insert(data_tape_.end(), &value, value.behind());
  };
  if (is_there(data)) {
    for (const Token* token = data + 1; token->tag != Tag::end; token = token[1].behind()) {
      if (!std::binary_search(names.begin(), names.end(), token->view())) append(token->view(), token[1]);
    }
  }
  for (const auto& field : fields_) {
    if (!is_consumed(field.role, envelope_.kind)) append(field.name, tape_[field.at]);
  }
  data_tape_.emplace_back();
  data_tape_[0].span = data_tape_.size();
  data_ = data_tape_.data();
}

}  // namespace eventy::avro::detail
