// The shape of a record as a plain value: derived from a struct with EVENTY_FIELDS, or by an adapter from its
// schema files. compare_schemas() says whether programs with two versions of a schema can read each other's
// records, which a minor version promises (runtime/core/README.md, "Versions").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"
#include "eventy/core/schema.hpp"

namespace eventy {

enum class Shape : std::uint8_t {
  null,
  boolean,
  integer,  // `bits`, `is_signed`
  real,     // `bits`
  text,
  bytes,
  fixed,  // `size` bytes
  instant,
  other,      // a number, text or bytes with a logical type: `meaning`
  symbols,    // one of `names`, as text
  list,       // a list of `items[0]`
  map,        // any names, each with a value of `items[0]`
  members,    // `members`
  enclosing,  // the same type as the members `size` levels further out: a recursive type
  one_of,     // any of `items`
  any         // anything
};

// A template, so that TypeSchema, which holds it, need not be complete here.
template <class Type>
struct MemberOf {
  std::string name = {};
  Type type = {};
  bool has_default = false;  // then it may be absent
};
struct TypeSchema {
  Shape shape = Shape::any;
  bool is_signed = true;
  std::uint8_t bits = 64;
  std::size_t size = 0;
  std::string meaning = {};
  std::vector<std::string> names = {};
  std::optional<std::string> default_value = {};  // one of `names`: an unknown name is read as it
  std::vector<TypeSchema> items = {};
  std::vector<MemberOf<TypeSchema>> members = {};
};
using MemberSchema = MemberOf<TypeSchema>;

struct RecordSchema {
  Kind kind = Kind::event;
  std::string ns = {}, name = {};
  std::string version = {};  // empty: unknown
  TypeSchema data = {.shape = Shape::members};
};

struct SchemaChange {
  bool is_error = false;    // the change needs a major version
  std::string record = {};  // `EVENT urn:shop:Placed`
  std::string path = {};    // `data.items[].n`; empty: the whole record
  std::string what = {};    // the change and its effect
};

// The changes, sorted by the kind, namespace and name of the record. Empty if nothing changed.
std::vector<SchemaChange> compare_schemas(const std::vector<RecordSchema>& older,
                                          const std::vector<RecordSchema>& newer);
std::string to_string(
    const SchemaChange& finding);               // `ERROR EVENT urn:shop:Placed: data.n: is gone: …`, or ok
std::string to_string(const TypeSchema& type);  // short: `an integer of 32 bits`

namespace detail {

template <class T>
inline constexpr char type_tag = 0;  // its address identifies the type

template <class T>
TypeSchema type_schema(std::vector<const void*>& open) {
  if constexpr (std::is_same_v<T, bool>) {
    return {.shape = Shape::boolean};
  } else if constexpr (std::is_integral_v<T>) {
    return {.shape = Shape::integer, .is_signed = std::is_signed_v<T>, .bits = sizeof(T) * 8};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {.shape = Shape::real, .bits = sizeof(T) * 8};
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    return {.shape = Shape::text};
  } else if constexpr (std::is_same_v<T, Instant>) {
    return {.shape = Shape::instant};
  } else if constexpr (is_bytes<T>) {
    return {.shape = Shape::bytes};
  } else if constexpr (NamedEnum<T>) {
    TypeSchema type{.shape = Shape::symbols};
    for (const auto& name : enum_names(T{})) type.names.emplace_back(name);
    return type;
  } else if constexpr (IsOptional<T>::value) {
    return {.shape = Shape::one_of,
            .items = {{.shape = Shape::null}, type_schema<typename T::value_type>(open)}};
  } else if constexpr (IsVector<T>::value) {
    return {.shape = Shape::list, .items = {type_schema<typename T::value_type>(open)}};
  } else if constexpr (IsMap<T>::value) {
    return {.shape = Shape::map, .items = {type_schema<typename T::mapped_type>(open)}};
  } else if constexpr (Fields<T>) {
    for (std::size_t up = 0; up < open.size(); ++up)
      if (open[open.size() - 1 - up] == &type_tag<T>) return {.shape = Shape::enclosing, .size = up};
    open.push_back(&type_tag<T>);
    TypeSchema type{.shape = Shape::members};
    static constexpr auto names = field_names<T>();
    using Tuple = decltype(std::declval<T&>().eventy_fields());
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (type.members.push_back(
           {.name = std::string(names[I]),
            .type = type_schema<std::remove_cvref_t<std::tuple_element_t<I, Tuple>>>(open)}),
       ...);
    }(std::make_index_sequence<names.size()>{});
    open.pop_back();
    return type;
  } else {
    return {};
  }
}

}  // namespace detail

// The schema of a message type, for a test that compares a struct with the schema file beside it.
template <Message M>
RecordSchema record_schema() {
  using R = typename RecordOf<M>::type;
  std::vector<const void*> open;
  return {.kind = R::kind,
          .ns = std::string(R::ns),
          .name = std::string(R::name),
          .version = std::string(R::version),
          .data = detail::type_schema<M>(open)};
}

}  // namespace eventy
