#include "datum_writer.hpp"

#include <algorithm>

#include "cursor.hpp"
#include "eventy/core/date.hpp"
#include "eventy/core/utf8.hpp"

namespace eventy::avro::detail {

namespace {

std::string_view name_of(Note::Kind kind) {
  switch (kind) {
    case Note::Kind::null:
      return "null";
    case Note::Kind::boolean:
      return "a boolean";
    case Note::Kind::integer:
    case Note::Kind::unsigned_integer:
      return "an integer";
    case Note::Kind::real:
      return "a real";
    case Note::Kind::text:
      return "text";
    case Note::Kind::bytes:
      return "bytes";
    case Note::Kind::instant:
      return "an instant";
    case Note::Kind::list:
      return "a list";
    case Note::Kind::map:
      return "a map";
  }
  return "something else";
}

void require(bool held, const Node& node, const Note& note) {
  if (!held) [[unlikely]]
    fail_unfit(node, note);
}

}  // namespace

void fail_unfit(const Node& wanted, const Note& found) {
  std::string text("the schema requires ");
  if (wanted.type == Type::one_of) {
    text += "one of";
    for (const auto* branch : wanted.branches)
      text.append(branch == wanted.branches[0] ? " " : ", ").append(spelled(branch->type));
  } else {
    text.append(spelled(wanted.type));
  }
  throw DecodeError(text.append(", not ").append(name_of(found.kind)));
}

bool takes_null(const Node& node) {
  if (node.type == Type::null) return true;
  return std::any_of(node.branches.begin(), node.branches.end(),
                     [](const Node* b) { return b->type == Type::null; });
}

void DatumWriter::value(const Node& node, const Note& note) {
  switch (node.type) {
    case Type::null:
      return require(note.kind == Note::Kind::null, node, note);
    case Type::boolean:
      require(note.kind == Note::Kind::boolean, node, note);
      out_.push_back(static_cast<char>(note.integer));
      return;
    case Type::int32:
    case Type::int64:
      return append_integer(out_, integer_for(node, note, notes_));
    case Type::float32:
      return append_real(out_, static_cast<float>(real_for(node, note)));
    case Type::float64:
      return append_real(out_, real_for(node, note));
    case Type::bytes:
      if (note.kind == Note::Kind::bytes) return append_sized(out_, notes_.characters(note));
      return append_sized(out_, bytes_for(node, note, notes_));
    case Type::fixed:
      return fixed(node, note);
    case Type::text:
      return text(note);
    case Type::enumeration:
      return symbol(node, note);
    case Type::array:
      return array(node, note);
    case Type::map:
      return map(node, note);
    case Type::record:
      return record(node, note);
    case Type::one_of:
      return branch(node, note);
  }
}

void DatumWriter::text(const Note& note) {
  if (note.kind == Note::Kind::instant) {
    std::string date;
    append_iso8601(date, Instant(Duration(note.integer)));
    return append_sized(out_, date);
  }
  require(note.kind == Note::Kind::text, primitive(Type::text), note);
  const auto text = notes_.characters(note);
  if (!is_utf8(text)) throw DecodeError("a text is not UTF-8");
  append_sized(out_, text);
}

void DatumWriter::fixed(const Node& node, const Note& note) {
  const auto bytes = bytes_for(node, note, notes_);
  if (node.logical == Logical::decimal && note.kind != Note::Kind::bytes && bytes.size() < node.size) {
    const bool negative = !bytes.empty() && static_cast<unsigned char>(bytes[0]) >= 0x80;
    out_.append(node.size - bytes.size(), negative ? '\xff' : '\0');
  } else if (bytes.size() != node.size) {
    throw DecodeError("must have " + std::to_string(node.size) + " bytes, not " +
                      std::to_string(bytes.size()));
  }
  out_.append(bytes);
}

void DatumWriter::symbol(const Node& node, const Note& note) {
  require(note.kind == Note::Kind::text, node, note);
  const auto text = notes_.characters(note);
  const auto at = std::find(node.symbols.begin(), node.symbols.end(), text);
  if (at == node.symbols.end()) eventy::detail::fail_unknown_name(text);
  append_integer(out_, at - node.symbols.begin());
}

void DatumWriter::array(const Node& node, const Note& note) {
  require(note.kind == Note::Kind::list, node, note);
  if (note.size > 0) append_integer(out_, note.size);
  std::size_t index = 0;
  try {
    for (const Note* at = &note + 1; at != note.behind(); at = at->behind(), ++index) value(*node.items, *at);
  } catch (const DecodeError& e) {
    throw e.within(eventy::detail::index_step(index));
  }
  out_.push_back('\0');
}

void DatumWriter::map(const Node& node, const Note& note) {
  require(note.kind == Note::Kind::map, node, note);
  if (note.size > 0) append_integer(out_, note.size);
  for (const Note* at = &note + 1; at != note.behind(); at = at[1].behind()) {
    const auto name = notes_.characters(*at);
    try {
      text(*at);
      value(*node.items, at[1]);
    } catch (const DecodeError& e) {
      throw e.within(name);
    }
  }
  out_.push_back('\0');
}

void DatumWriter::record(const Node& node, const Note& note) {
  require(note.kind == Note::Kind::map, node, note);
  const auto first = slots_.size();
  find_fields(node, note, first);
  for (std::size_t i = 0; i < node.fields.size(); ++i) {
    const auto& field = node.fields[i];
    const Note* found = slots_[first + i];
    try {
      if (found) [[likely]] {
        value(*field.type, *found);
      } else {
        absent(field);
      }
    } catch (const DecodeError& e) {
      throw e.within(field.name);
    }
  }
  slots_.resize(first);
}

// Tries the next field first, because members mostly come in the order of the fields.
void DatumWriter::find_fields(const Node& node, const Note& note, std::size_t first_slot) {
  const auto& fields = node.fields;
  slots_.resize(first_slot + fields.size(), nullptr);
  std::size_t expected = 0;
  for (const Note* at = &note + 1; at != note.behind(); at = at[1].behind()) {
    const auto name = notes_.characters(*at);
    std::size_t i = expected;
    if (i >= fields.size() || !eventy::detail::same_name(fields[i].name, name)) {
      i = 0;
      while (i < fields.size() && !eventy::detail::same_name(fields[i].name, name)) ++i;
    }
    if (i == fields.size()) throw DecodeError("the schema has no such field").within(name);
    if (slots_[first_slot + i]) eventy::detail::fail_member_twice(name);
    slots_[first_slot + i] = at + 1;
    expected = i + 1;
  }
}

void DatumWriter::absent(const Field& field) {
  static const Note null{};
  if (field.default_value) {  // as a reader does if the record lacks the field
    out_.append(field.default_datum);
  } else if (takes_null(*field.type)) {
    value(*field.type, null);
  } else {
    throw DecodeError("this member is missing");
  }
}

void DatumWriter::branch(const Node& node, const Note& note) {
  const auto at = branch_for(node, note, notes_);
  append_integer(out_, static_cast<std::int64_t>(at));
  value(*node.branches[at], note);
}

}  // namespace eventy::avro::detail
