// Writes the noted values by a schema: the fields in its order, with the branches of unions. One thread.
// Throws DecodeError, because it has a path, for data that does not fit; the encoder converts it to
// EncodeError.
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

  void value(const Node& node, const Note& note);  // appends the value

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
  std::vector<const Note*> slots_ = {};  // for each field of the open records, its value or null
};

// branches.cpp: the branch of a union for a value. The peer takes the last branch that the value is valid
// for; we take the last one that preserves all of the value. Throws DecodeError if no branch has its kind.
std::size_t branch_for(const Node& node, const Note& note, const AvroWriter& notes);

// numbers.cpp: convert a value to the type that the schema requires. All throw DecodeError if that loses
// anything.
std::int64_t integer_for(const Node& node, const Note& note, const AvroWriter& notes);
std::string bytes_for(const Node& node, const Note& note, const AvroWriter& notes);
double real_for(const Node& node, const Note& note);
std::string decimal_for(const Node& node, const Note& note,
                        const AvroWriter& notes);  // unscaled, high byte first

[[noreturn]] void fail_unfit(const Node& wanted, const Note& found);
bool takes_null(const Node& node);

}  // namespace eventy::avro::detail
