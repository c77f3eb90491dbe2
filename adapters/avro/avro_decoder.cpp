#include "avro_decoder.hpp"

#include "container.hpp"
#include "eventy/core/date.hpp"
#include "schema_book.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::size_t many_tokens = 1u << 16;  // more are freed when records need an eighth of them or less

template <class Read>
auto within(Role role, const Token& token, Read read) {
  try {
    TapeReader reader;
    reader.start(&token);
    return read(reader);
  } catch (const DecodeError& e) {
    throw e.within(name_of(role));
  }
}

Instant date_in(const Token& token, Role role) {
  return within(role, token, [](Reader& r) { return r.instant(); });
}

}  // namespace

std::string_view text_in(const Token& token, Role role) {
  if (token.tag == Tag::text) [[likely]]
    return token.view();
  try {
    fail_type("text", token);
  } catch (const DecodeError& e) {
    throw e.within(name_of(role));
  }
}

std::optional<std::string_view> text_or_null_in(const Token& token, Role role) {
  if (token.tag == Tag::null) return {};
  return text_in(token, role);
}

Kind kind_in(const Token& token) {
  const auto kind = kind_of(text_in(token, Role::type));
  if (!kind) throw DecodeError("must be EVENT, REQUEST or RESPONSE").within(name_of(Role::type));
  return *kind;
}

AvroDecoder::AvroDecoder(std::shared_ptr<const SchemaBook> book, const DecodeLimits& limits)
    : book_(std::move(book)), limits_(limits), parser_(limits, tape_), plans_(*book_) {}

const Envelope& AvroDecoder::decode(std::string_view bytes) {
  envelope_ = {};
  context_ = data_ = empty_map();
  if (bytes.size() > limits_.max_bytes)
    throw DecodeError(std::to_string(bytes.size()) + " bytes are more than the limit of " +
                      std::to_string(limits_.max_bytes));
  const auto container = read_container(bytes);
  plan_ = &plans_.find(container.schema);
  parse(container.datum, bytes.size());
  const auto* protocol = found(Role::protocol_version);
  const auto version =
      protocol && protocol->tag == Tag::text ? parse_version(protocol->view()) : std::nullopt;
  if (version && version->major > 3)
    throw DecodeError("must be of the family >=3,<4").within(name_of(Role::protocol_version));
  if (version && version->major == 3) {
    settle();
  } else {
    settle_legacy(container.datum);
  }
  if (auto broken = broken_rule(envelope_)) throw DecodeError(*broken);
  return envelope_;
}

void AvroDecoder::parse(std::string_view datum, std::size_t size) {
  if (tape_.capacity() > many_tokens && tape_.size() < tape_.capacity() / 8) tape_ = {};
  tape_.clear();
  tape_.emplace_back();  // so that a place is never 0
  reader_.drop_texts();
  members_.clear();
  places_ = {};
  parser_.start(datum, size);
  if (plan_->root->type == Type::record) {
    parse_fields();
  } else {
    parser_.value(*plan_->root);
    find_members();
  }
  parser_.finish();
}

void AvroDecoder::parse_fields() {
  const Node& root = *plan_->root;
  parser_.enter(root.fields.size());
  std::size_t i = 0;
  try {
    for (; i < root.fields.size(); ++i) {
      const auto role = plan_->field_roles[i];
      members_.push_back({role, root.fields[i].name, tape_.size()});
      if (role != Role::other) places_[static_cast<std::size_t>(role)] = tape_.size();
      parser_.value(*root.fields[i].type);
    }
  } catch (const DecodeError& e) {
    throw e.within(root.fields[i].name);
  }
  parser_.leave();
  tape_.emplace_back();
}

// Finds the members of a record that is a map: the peer reads those too.
void AvroDecoder::find_members() {
  if (tape_[1].tag != Tag::map) throw DecodeError("the schema is not that of a record");
  for (const Token* token = &tape_[2]; token->tag != Tag::end; token = token[1].behind()) {
    const auto role = role_of(token->view());
    const auto at = static_cast<std::size_t>(token + 1 - tape_.data());
    members_.push_back({role, token->view(), at});
    if (role != Role::other) places_[static_cast<std::size_t>(role)] = at;
  }
}

const Token* AvroDecoder::found(Role role) const {
  const auto at = places_[static_cast<std::size_t>(role)];
  return at == 0 ? nullptr : &tape_[at];
}

const Token& AvroDecoder::required(Role role) const {
  const auto* token = found(role);
  if (!token) eventy::detail::fail_member_missing(name_of(role));
  return *token;
}

void AvroDecoder::settle() {
  Envelope& e = envelope_;
  e.kind = kind_in(required(Role::type));
  e.ns = plan_->ns, e.name = plan_->name;
  if (const auto* token = found(Role::record_namespace)) e.ns = text_in(*token, Role::record_namespace);
  if (const auto* token = found(Role::record_name)) e.name = text_in(*token, Role::record_name);
  e.protocol_version = required(Role::protocol_version).view();
  e.version = text_in(required(Role::version), Role::version);
  e.source = text_in(required(Role::source), Role::source);
  e.uuid = text_in(required(Role::uuid), Role::uuid);
  e.correlation_id = text_in(required(Role::correlation_id), Role::correlation_id);
  if (const auto* token = found(Role::partition_key))
    e.partition_key = text_or_null_in(*token, Role::partition_key);
  // The text takes precedence.
  if (const auto* token = found(Role::date_timestamp); token && !found(Role::date_iso8601)) {
    e.date = date_in(*token, Role::date_timestamp);
  } else {
    e.date = date_in(required(Role::date_iso8601), Role::date_iso8601);
  }
  if (const auto* token = found(Role::context)) context_ = token;
  if (const auto* token = found(Role::data)) data_ = token;
  if (e.kind == Kind::response) settle_response();
}

void AvroDecoder::settle_response() {
  Envelope& e = envelope_;
  e.destination = text_in(required(Role::destination), Role::destination);
  e.request_uuid = text_in(required(Role::request_uuid), Role::request_uuid);
  if (const auto* token = found(Role::ok))
    e.ok = within(Role::ok, *token, [](Reader& r) { return r.boolean(); });
  const auto* code = found(Role::error_code);
  if (code && code->tag != Tag::null)
    e.error_code = within(Role::error_code, *code, [](Reader& r) { return r.integer(); });
  if (const auto* token = found(Role::error_message))
    e.error_message = text_or_null_in(*token, Role::error_message);
}

void AvroDecoder::read_context(Context& out) {
  reader_.start(context_);
  try {
    read(reader_, out);
  } catch (const DecodeError& e) {
    throw e.within(name_of(Role::context));
  }
}

Reader& AvroDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::avro::detail
