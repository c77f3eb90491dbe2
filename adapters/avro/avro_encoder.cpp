#include "avro_encoder.hpp"

#include <limits>
#include <stdexcept>

#include "cursor.hpp"
#include "datum_writer.hpp"
#include "eventy/core/date.hpp"
#include "eventy/core/utf8.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::size_t much = 1u << 20;  // more is freed before the next record

// The branches of a context value, in the order of the peer's schema.
enum class Branch : std::int8_t { text, float64, float32, int64, int32, boolean, null };

void append_branch(std::string& out, Branch branch) {
  append_integer(out, static_cast<std::int64_t>(branch));
}

void append_text(std::string& out, std::string_view text, std::string_view what) {
  if (!is_utf8(text)) throw std::invalid_argument(std::string(what) + ": a text is not UTF-8");
  append_sized(out, text);
}

// Uses the widest branch, because the peer's choice for reals loses digits.
void append_value(std::string& out, const ContextValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    append_branch(out, Branch::text), append_text(out, *text, "context");
  } else if (const auto* real = std::get_if<double>(&value)) {
    append_branch(out, Branch::float64), append_real(out, *real);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    append_branch(out, Branch::int64), append_integer(out, *integer);
  } else if (const auto* yes = std::get_if<bool>(&value)) {
    append_branch(out, Branch::boolean), out.push_back(static_cast<char>(*yes));
  } else {
    append_branch(out, Branch::null);
  }
}

void append_count(std::string& out, std::size_t count) {
  if (count > 0) append_integer(out, static_cast<std::int64_t>(count));
}

void append_members(std::string& out, const ContextEntry& entry) {
  for (const auto& [name, value] : entry) append_text(out, name, "context"), append_value(out, value);
}

void append_entry(std::string& out, std::string_view service, const ContextEntry& entry) {
  append_text(out, service, "context");
  append_count(out, entry.size());
  append_members(out, entry);
  out.push_back('\0');
}

}  // namespace

const WriteSchema* AvroEncoder::find_schema(const Envelope& e) {
  const auto* found = book_->find(e.ns, e.name);
  if (found || !is_own_record(e.kind, e.name)) return found;
  const auto name = std::string(e.ns).append(":").append(e.name);
  const auto known = own_.find(name);
  return known != own_.end() ? &known->second
                             : &own_.emplace(name, make_own_schema(e.ns, e.name)).first->second;
}

const WriteSchema& AvroEncoder::schema_for(const Envelope& e) {
  Known& known = known_[(reinterpret_cast<std::uintptr_t>(e.name.data()) >> 3) % known_.size()];
  if (!known.schema || known.name != e.name || known.ns != e.ns) {
    const auto* found = find_schema(e);
    if (!found) throw std::invalid_argument(no_schema(e.ns, e.name));
    known = {std::string(e.ns), std::string(e.name), found};
  }
  if (known.schema->kind != e.kind)
    throw std::invalid_argument(another_kind(*known.schema, e.kind, e.ns, e.name));
  return *known.schema;
}

std::string_view AvroEncoder::date_of(Instant date) {
  if (date == date_ && !date_text_.empty()) [[likely]]
    return date_text_;
  date_text_.clear();
  append_iso8601(date_text_, date);
  date_ = date;
  return date_text_;
}

Writer& AvroEncoder::begin(const Envelope& e, const OutgoingContext& context, std::string& out) {
  schema_ = &schema_for(e);
  out_ = &out;
  if (datum_.capacity() > much) datum_ = {};
  datum_.clear();
  append_text(datum_, e.ns, "namespace");
  append_text(datum_, e.name, "name");
  datum_.push_back('\0');  // the only symbol of the enum `type`
  append_text(datum_, e.protocol_version, "protocol_version");
  append_text(datum_, e.version, "version");
  append_text(datum_, e.source, "source");
  append_text(datum_, e.uuid, "uuid");
  append_text(datum_, e.correlation_id, "correlation_id");
  append_integer(datum_, !e.partition_key);
  if (e.partition_key) append_text(datum_, *e.partition_key, "partition_key");
  append_integer(datum_, e.date.time_since_epoch().count());
  append_sized(datum_, date_of(e.date));
  if (e.kind == Kind::response) write_answer(e);
  write_context(context);
  data_.clear();
  return data_;
}

void AvroEncoder::write_context(const OutgoingContext& context) {
  const bool extra = !context.extra_name.empty();
  if (!extra && (!context.common || context.common->empty())) {
    datum_.push_back('\0');
    return;
  }
  context_.refresh(context, append_entry, append_members);
  const bool own = context_.has_own() || extra;
  append_count(datum_, context_.other_entries() + own);
  datum_.append(context_.others());
  if (own) {
    append_text(datum_, context_.own_namespace(), "context");
    append_count(datum_, context_.own_members() + extra);
    datum_.append(context_.own());
    if (extra) {
      append_text(datum_, context.extra_name, "context");
      append_branch(datum_, Branch::text), append_text(datum_, context.extra_value, "context");
    }
    datum_.push_back('\0');
  }
  datum_.push_back('\0');
}

void AvroEncoder::write_answer(const Envelope& e) {
  append_text(datum_, e.destination, "destination");
  append_text(datum_, e.request_uuid, "request_uuid");
  datum_.push_back(static_cast<char>(e.ok));
  append_integer(datum_, e.error_code.has_value());
  if (e.error_code) {
    if (*e.error_code != static_cast<std::int32_t>(*e.error_code))
      throw std::invalid_argument("error_code: " + std::to_string(*e.error_code) +
                                  " does not fit into the 32 bits of Avro's int");
    append_integer(datum_, *e.error_code);
  }
  append_integer(datum_, e.error_message.has_value());
  if (e.error_message) append_text(datum_, *e.error_message, "error_message");
}

void AvroEncoder::end() {
  try {
    write_data();
  } catch (const DecodeError& e) {
    throw EncodeError(e);
  }
  append_container(*out_, schema_->frame, datum_);
}

void AvroEncoder::write_data() {
  if (!data_.is_whole() || data_.root().kind != Note::Kind::map) throw DecodeError("must be a map");
  DatumWriter writer(data_, datum_);
  if (schema_->kind != Kind::response) return writer.value(*schema_->data, data_.root());
  // A union of an empty map, as in a failure, and the record. The peer takes the record if it fits.
  const Node& both = *schema_->schema.root().fields.back().type;
  if (data_.root().size == 0) return writer.value(both, data_.root());
  append_integer(datum_, static_cast<std::int64_t>(both.branches.size() - 1));
  writer.value(*schema_->data, data_.root());
}

}  // namespace eventy::avro::detail
