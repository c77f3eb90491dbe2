#include "avro_decoder.hpp"

#include "container.hpp"
#include "eventy/core/decoding.hpp"
#include "eventy/core/members.hpp"
#include "schema_book.hpp"

namespace eventy::avro::detail {

using eventy::detail::decode_step;

namespace {

constexpr std::size_t many_tokens = 1u << 16;  // more are freed when records need an eighth of them or less

// The role of each member's field, in the order of Member.
constexpr std::array roles_of_members{Role::type,          Role::record_namespace,
                                      Role::record_name,   Role::protocol_version,
                                      Role::version,       Role::source,
                                      Role::uuid,          Role::correlation_id,
                                      Role::partition_key, Role::date_timestamp,
                                      Role::date_iso8601,  Role::destination,
                                      Role::request_uuid,  Role::ok,
                                      Role::error_code,    Role::error_message};
static_assert(roles_of_members.size() == Member::context, "each member of the envelope has a role");

// The schema's name stands in for an absent namespace and name.
constexpr auto required =
    required_members(Kind::response) & ~(member_bit(Member::ns) | member_bit(Member::name));

// Asks for the name only when it fails: the name is looked up.
template <class Read>
auto value_in(const Token& token, Role role, Read read) {
  try {
    TapeReader reader;
    reader.start(&token);
    return read(reader);
  } catch (const DecodeError& e) {
    throw e.within(name_of(role));
  }
}

// Reads a field's value into a field of the envelope.
struct FieldReader {
  const Token& token;
  Role role;

  void operator()(Kind& kind) const { kind = kind_in(token); }
  void operator()(std::string_view& text) const { text = text_in(token, role); }
  void operator()(std::optional<std::string_view>& text) const { text = text_or_null_in(token, role); }
  void operator()(Instant& date) const {
    date = value_in(token, role, [](Reader& r) { return r.instant(); });
  }
  void operator()(bool& yes) const {
    yes = value_in(token, role, [](Reader& r) { return r.boolean(); });
  }
  void operator()(std::optional<std::int64_t>& integer) const {
    if (token.tag != Tag::null) integer = value_in(token, role, [](Reader& r) { return r.integer(); });
  }
};

}  // namespace

std::string_view text_in(const Token& token, Role role) {
  if (token.tag == Tag::text) [[likely]]
    return token.view();
  decode_step(name_of(role), [&] { fail_type("text", token); });
  return {};
}

std::optional<std::string_view> text_or_null_in(const Token& token, Role role) {
  if (token.tag == Tag::null) return {};
  return text_in(token, role);
}

Kind kind_in(const Token& token) {
  const auto kind = kind_of(text_in(token, Role::type));
  if (!kind) decode_step(name_of(Role::type), eventy::detail::fail_kind);
  return *kind;
}

AvroDecoder::AvroDecoder(std::shared_ptr<const SchemaBook> book, const DecodeLimits& limits)
    : book_(std::move(book)), limits_(limits), parser_(limits, tape_), plans_(*book_) {}

const Envelope& AvroDecoder::decode(std::string_view bytes) {
  envelope_ = {};
  context_ = data_ = empty_map();
  eventy::detail::refuse_size(bytes, limits_.max_bytes);
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
  fields_.clear();
  places_ = {};
  parser_.start(datum, size);
  if (plan_->root->type == Type::record) {
    parse_fields();
  } else {
    parser_.value(*plan_->root);
    find_fields();
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
      fields_.push_back({role, root.fields[i].name, tape_.size()});
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
void AvroDecoder::find_fields() {
  if (tape_[1].tag != Tag::map) throw DecodeError("the schema is not that of a record");
  for (const Token* token = &tape_[2]; token->tag != Tag::end; token = token[1].behind()) {
    const auto role = role_of(token->view());
    const auto at = static_cast<std::size_t>(token + 1 - tape_.data());
    fields_.push_back({role, token->view(), at});
    if (role != Role::other) places_[static_cast<std::size_t>(role)] = at;
  }
}

const Token* AvroDecoder::found(Role role) const {
  const auto at = places_[static_cast<std::size_t>(role)];
  return at == 0 ? nullptr : &tape_[at];
}

template <std::size_t First, std::size_t End>
void AvroDecoder::read_members() {
  for_members<First, End>([&](auto member) {
    constexpr auto role = roles_of_members[member];
    if (const auto* token = found(role)) {
      read_member(member, envelope_, FieldReader{*token, role});
    } else if constexpr (required & member_bit(member)) {
      eventy::detail::fail_member_missing(name_of(role));
    }
  });
}

void AvroDecoder::settle() {
  envelope_.ns = plan_->ns, envelope_.name = plan_->name;
  read_members<Member::type, Member::date_timestamp>();
  // The text takes precedence.
  if (found(Role::date_timestamp) && !found(Role::date_iso8601)) {
    read_members<Member::date_timestamp, Member::date_iso8601>();
  } else if (found(Role::date_iso8601)) {
    read_members<Member::date_iso8601, Member::destination>();
  } else {
    eventy::detail::fail_member_missing(name_of(Role::date_iso8601));
  }
  if (const auto* token = found(Role::context)) context_ = token;
  if (const auto* token = found(Role::data)) data_ = token;
  if (envelope_.kind == Kind::response) settle_response();
}

void AvroDecoder::settle_response() { read_members<Member::destination, Member::context>(); }

void AvroDecoder::read_context(Context& out) {
  reader_.start(context_);
  decode_step(name_of(Role::context), [&] { read(reader_, out); });
}

Reader& AvroDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::avro::detail
