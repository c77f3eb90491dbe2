// The schemas that a serializer was given, ready for writing. Immutable once built; any thread may read it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "container.hpp"
#include "evsc.hpp"
#include "schema.hpp"

namespace eventy::avro::detail {

struct WriteSchema {
  Kind kind = Kind::event;
  std::string text = {};  // as embedded in records
  Frame frame = {};
  Schema schema = {};
  const Node* data = nullptr;  // the record of the data
};

WriteSchema make_write_schema(const Evsc& evsc);  // throws DecodeError

// Whether it is a record of the runtime itself. Its schema is built in; it has no data.
bool is_own_record(Kind kind, std::string_view name);
WriteSchema make_own_schema(std::string_view ns, std::string_view name);

std::string no_schema(std::string_view ns, std::string_view name);  // the error message for a missing schema
std::string another_kind(const WriteSchema& schema, Kind kind, std::string_view ns, std::string_view name);

class SchemaBook {
 public:
  // Throws DecodeError if the name is taken, or if it is not a valid Avro schema.
  void add(const Evsc& evsc);

  const WriteSchema* find(std::string_view ns, std::string_view name) const;  // null: there is none
  // The data's record in the schema with this Avro name. Null: there is none, or two schemas have the name.
  const Node* data_of(std::string_view avro_name) const;
  std::vector<std::string> qualified_names() const;

 private:
  // By `namespace:name`, because a name alone is not unique.
  std::map<std::string, std::unique_ptr<const WriteSchema>, std::less<>> schemas_ = {};
  std::map<std::string, const Node*, std::less<>> by_avro_name_ = {};
};

}  // namespace eventy::avro::detail
