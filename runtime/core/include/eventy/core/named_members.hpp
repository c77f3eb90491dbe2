// Whether EVENTY_FIELDS names every member of a struct, once. The compiler checks it wherever a type is read,
// written or described; nothing of it is left at run time.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace eventy::detail {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

// Initializes any member. An optional takes it as its value, because it could not choose between the two
// ways.
struct AnyMember {
  template <class T>
    requires(!IsOptional<T>::value)
  operator T() const;
};
template <class T>
struct AnyBase {
  template <class Base>
    requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>)
  operator Base() const;
};

template <class T>
concept HasBase = requires { T{AnyBase<T>{}}; };
template <class T, std::size_t... I>
consteval bool has_members(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyMember{})...}; };
}
template <class T, std::size_t... I>
consteval bool has_one_more(std::index_sequence<I...>) {
  return requires {
    T{(static_cast<void>(I), AnyMember{})..., AnyMember{}};
  } || requires {
    T{(static_cast<void>(I), AnyMember{})..., {}};
  };
}

template <std::size_t N>
consteval bool has_duplicate(const std::array<std::string_view, N>& names) {
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = i + 1; j < N; ++j) {
      if (names[i] == names[j]) return true;
    }
  }
  return false;
}

// Counts the members of T by the initializers that it takes. T is complete.
template <class T, std::size_t Named>
consteval void check_every_member() {
  if constexpr (Named == 0 && std::is_empty_v<T>) {
    return;
  } else if constexpr (!std::is_aggregate_v<T>) {
    static_assert(
        std::is_aggregate_v<T>,
        "EVENTY_FIELDS cannot count the members of a type with private members or constructors: name "
        "those to encode with EVENTY_FIELDS_SOME(...)");
  } else if constexpr (HasBase<T>) {
    static_assert(!HasBase<T>,
                  "EVENTY_FIELDS cannot count the members of a type with a base: name those to encode with "
                  "EVENTY_FIELDS_SOME(...)");
  } else {
    constexpr auto named = std::make_index_sequence<Named>{};
    static_assert(
        !has_one_more<T>(named),
        "EVENTY_FIELDS does not name every member: the others would lose their values. Name them too, "
        "or say EVENTY_FIELDS_SOME(...) if they are left out on purpose");
    static_assert(has_one_more<T>(named) || has_members<T>(named),
                  "EVENTY_FIELDS cannot count the members of this type: name those to encode with "
                  "EVENTY_FIELDS_SOME(...)");
  }
}

}  // namespace eventy::detail
