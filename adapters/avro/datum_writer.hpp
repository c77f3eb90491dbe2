// Writes what was noted by a schema: the fields in its order, with the branches of unions. One thread.
// Data that does not fit is a DecodeError, for the path in its text; the encoder makes it
// std::invalid_argument.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "avro_writer.hpp"
#include "schema.hpp"

namespace eventy::avro::detail {

class DatumWriter {
 public:
  DatumWriter(const AvroWriter& notes, std::string& out) : notes_(notes), out_(out) {}

  void value(const Node& node, const Note& note);  // appends it

 private:
  void integer(const Node& node, const Note& note);
  void real(const Node& node, const Note& note);
  void text(const Note& note);
  void fixed(const Node& node, const Note& note);
  void symbol(const Node& node, const Note& note);
  void array(const Node& node, const Note& note);
  void map(const Node& node, const Note& note);
  void record(const Node& node, const Note& note);
  void find_fields(const Node& node, const Note& note, std::size_t first_slot);
  void absent(const Field& field);
  void branch(const Node& node, const Note& note);

  const AvroWriter& notes_;
  std::string& out_;
  std::vector<const Note*> slots_ = {};  // of the records that are open: a value for each field, or null
};

// branches.cpp: the branch of a union that a value belongs into. The peer takes the last one that a value is
// valid for; so do we among those that keep all of it. Throws DecodeError where no branch is of its kind.
std::size_t branch_for(const Node& node, const Note& note, const AvroWriter& notes);

// numbers.cpp: what becomes of a value where a number is wanted. All throw DecodeError where it cannot be
// kept.
std::int64_t integer_for(const Node& node, const Note& note, const AvroWriter& notes);
std::string bytes_for(const Node& node, const Note& note, const AvroWriter& notes);
double real_for(const Node& node, const Note& note);
std::string decimal_for(const Node& node, const Note& note,
                        const AvroWriter& notes);  // unscaled, high byte first

[[noreturn]] void fail_unfit(const Node& wanted, const Note& found);
bool takes_null(const Node& node);

}  // namespace eventy::avro::detail
