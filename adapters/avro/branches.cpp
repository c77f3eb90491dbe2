// Selects the branch of a union for a value.
#include <algorithm>
#include <cmath>
#include <limits>

#include "datum_writer.hpp"

namespace eventy::avro::detail {

namespace {

// Ranks how well a type preserves a value; 0: not at all. Considers only the kind of a map or list, not its
// contents.
class Ranking {
 public:
  explicit Ranking(const AvroWriter& notes) : notes_(notes) {}

  int rank(const Node& node, const Note& note) const {
    switch (note.kind) {
      case Note::Kind::null:
        return node.type == Type::null;
      case Note::Kind::boolean:
        return node.type == Type::boolean;
      case Note::Kind::integer:
      case Note::Kind::unsigned_integer:
        return of_integer(node, note);
      case Note::Kind::real:
        return of_real(node, note);
      case Note::Kind::text:
        return of_text(node, note);
      case Note::Kind::bytes:
        return node.type == Type::bytes || (node.type == Type::fixed && node.size == note.size);
      case Note::Kind::instant:
        return of_instant(node, note);
      case Note::Kind::list:
        return node.type == Type::array;
      case Note::Kind::map:
        return node.type == Type::map || node.type == Type::record;
    }
    return 0;
  }

  bool fits(const Node& node, const Note& note) const {
    if (node.type == Type::one_of)
      return std::any_of(node.branches.begin(), node.branches.end(),
                         [&](const Node* b) { return fits(*b, note); });
    if (rank(node, note) == 0) return false;
    if (note.kind != Note::Kind::list && note.kind != Note::Kind::map) return true;
    if (node.type == Type::record) return fits_record(node, note);
    const bool names = note.kind == Note::Kind::map;
    for (const Note* at = &note + 1; at != note.behind(); at = at->behind()) {
      if (names) ++at;
      if (!fits(*node.items, *at)) return false;
    }
    return true;
  }

 private:
  static bool does(auto convert) {
    try {
      convert();
      return true;
    } catch (const DecodeError&) {
      return false;
    }
  }
  bool as_integer(const Node& node, const Note& note) const {
    return does([&] { integer_for(node, note, notes_); });
  }
  static bool as_real(const Node& node, const Note& note) {
    return does([&] { real_for(node, note); });
  }
  bool as_decimal(const Node& node, const Note& note) const {
    return node.logical == Logical::decimal && does([&] { decimal_for(node, note, notes_); });
  }
  bool as_bytes(const Node& node, const Note& note) const {
    if (node.type != Type::bytes && node.type != Type::fixed) return false;
    const bool pads = node.logical == Logical::decimal;
    return does([&] {
      const auto size = bytes_for(node, note, notes_).size();
      if (node.type == Type::fixed && (pads ? size > node.size : size != node.size)) fail_unfit(node, note);
    });
  }
  int of_integer(const Node& node, const Note& note) const {
    if (node.type == Type::int32 || node.type == Type::int64) return as_integer(node, note) ? 4 : 0;
    if (node.type == Type::float64) return as_real(node, note) ? 3 : 0;
    if (node.type == Type::float32) return as_real(node, note) ? 2 : 0;
    return as_decimal(node, note);
  }
  int of_real(const Node& node, const Note& note) const {
    if (node.type == Type::float64) return 3;
    if (node.type == Type::float32) return as_real(node, note) ? 2 : 0;
    return as_decimal(node, note);
  }
  int of_text(const Node& node, const Note& note) const {
    if (node.type == Type::text) return 2;
    if (node.type == Type::enumeration) {
      const auto& all = node.symbols;
      return std::find(all.begin(), all.end(), notes_.characters(note)) == all.end() ? 0 : 2;
    }
    if (node.type == Type::int32 || node.type == Type::int64) return as_integer(node, note);
    return as_bytes(node, note);
  }
  int of_instant(const Node& node, const Note& note) const {
    if (node.type == Type::text) return 1;
    if (node.type != Type::int32 && node.type != Type::int64) return 0;
    if (!as_integer(node, note)) return 0;
    return node.logical == Logical::none ? 2 : 3;
  }

  bool fits_record(const Node& node, const Note& note) const {
    std::size_t found = 0;
    for (const auto& field : node.fields) {
      const Note* at = &note + 1;
      while (at != note.behind() && notes_.characters(*at) != field.name) at = at[1].behind();
      if (at == note.behind()) {
        if (!takes_null(*field.type)) return false;
      } else {
        ++found;
        if (!fits(*field.type, at[1])) return false;
      }
    }
    return found == note.size;
  }

  const AvroWriter& notes_;
};

}  // namespace

std::size_t branch_for(const Node& node, const Note& note, const AvroWriter& notes) {
  const Ranking ranking(notes);
  std::size_t best = 0, candidates = 0;
  int best_rank = 0;
  for (std::size_t i = 0; i < node.branches.size(); ++i) {
    const int rank = ranking.rank(*node.branches[i], note);
    candidates += rank > 0;
    if (rank > 0 && rank >= best_rank) best = i, best_rank = rank;
  }
  if (candidates == 0) fail_unfit(node, note);
  if (candidates == 1 || note.kind != Note::Kind::map) return best;
  for (std::size_t i = node.branches.size(); i-- > 0;) {
    if (ranking.fits(*node.branches[i], note)) return i;
  }
  return best;  // writing it then reports what does not fit
}

}  // namespace eventy::avro::detail
