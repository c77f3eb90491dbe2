// Converts Avro schemas to the plain values that compare_schemas() compares.
#include "eventy/avro/avro.hpp"
#include "evsc_files.hpp"
#include "schema_book.hpp"

namespace eventy::avro {

namespace {

using detail::Logical;
using detail::Node;
using detail::Type;

// Named types are expanded wherever they are used, so their number needs a limit of its own.
constexpr std::size_t max_types = 1u << 16;

class Plain {
 public:
  TypeSchema type(const Node& node) {
    if (++types_ > max_types) throw DecodeError("more types than the limit of " + std::to_string(max_types));
    switch (node.type) {
      case Type::null:
        return {.shape = Shape::null};
      case Type::boolean:
        return {.shape = Shape::boolean};
      case Type::int32:
      case Type::int64:
        return integer(node);
      case Type::float32:
        return {.shape = Shape::real, .bits = 32};
      case Type::float64:
        return {.shape = Shape::real};
      case Type::text:
        return {.shape = Shape::text};
      case Type::bytes:
      case Type::fixed:
        return bytes(node);
      case Type::enumeration:
        return {.shape = Shape::symbols, .names = node.symbols, .default_value = node.default_value};
      case Type::array:
        return {.shape = Shape::list, .items = {type(*node.items)}};
      case Type::map:
        return {.shape = Shape::map, .items = {type(*node.items)}};
      case Type::record:
        return record(node);
      case Type::one_of: {
        TypeSchema all{.shape = Shape::one_of};
        for (const auto* branch : node.branches) all.items.push_back(type(*branch));
        return all;
      }
    }
    return {};
  }

 private:
  static TypeSchema integer(const Node& node) {
    if (node.logical == Logical::date) return {.shape = Shape::other, .meaning = "date"};
    if (node.logical != Logical::none) return {.shape = Shape::instant};
    return {.shape = Shape::integer, .bits = static_cast<std::uint8_t>(node.type == Type::int32 ? 32 : 64)};
  }
  static TypeSchema bytes(const Node& node) {
    if (node.logical == Logical::decimal)
      return {.shape = Shape::other,
              .size = node.size,
              .meaning = "decimal of " + std::to_string(node.precision) + " digits, " +
                         std::to_string(node.scale) + " of them after the point"};
    return {.shape = node.type == Type::fixed ? Shape::fixed : Shape::bytes, .size = node.size};
  }
  TypeSchema record(const Node& node) {
    for (std::size_t up = 0; up < open_.size(); ++up)
      if (open_[open_.size() - 1 - up] == &node) return {.shape = Shape::enclosing, .size = up};
    open_.push_back(&node);
    TypeSchema all{.shape = Shape::members};
    for (const auto& field : node.fields)
      all.members.push_back({field.name, type(*field.type), field.default_value.has_value()});
    open_.pop_back();
    return all;
  }

  std::vector<const Node*> open_ = {};
  std::size_t types_ = 0;
};

RecordSchema plain(const detail::Evsc& evsc) {
  const auto schema = detail::make_write_schema(evsc);
  return {.kind = evsc.kind, .ns = evsc.ns, .name = evsc.name, .data = Plain().type(*schema.data)};
}

}  // namespace

Result<std::vector<RecordSchema>> read_schemas(const std::filesystem::path& file_or_folder) {
  std::vector<RecordSchema> all;
  detail::SchemaBook names;  // refuses two schemas of one name
  const auto read = detail::for_each_evsc(file_or_folder, [&](const detail::Evsc& evsc) {
    names.add(evsc);
    all.push_back(plain(evsc));
  });
  if (!read) return read.error();
  return all;
}

}  // namespace eventy::avro
