// What a message type declares: its kind, namespace, name and version, and the names of its members. Needs
// only the standard library, so that headers with message types compile fast.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "eventy/core/named_members.hpp"

namespace eventy {

// A string literal as a template argument.
template <std::size_t N>
struct FixedString {
  char chars[N]{};
  consteval FixedString(const char (&s)[N]) {
    for (std::size_t i = 0; i < N; ++i) chars[i] = s[i];
  }
  constexpr std::string_view view() const { return {chars, N - 1}; }
};

enum class Kind : std::uint8_t { event, request, response, query };

namespace detail {

consteval bool is_version(std::string_view v) {  // MAJOR.MINOR.PATCH
  int dots = 0;
  bool digit = false, zero = false;  // of the current number: it has a digit; it began with 0 and must end
  for (char c : v) {
    if (c == '.') {
      if (!digit) return false;
      ++dots, digit = zero = false;
    } else if (c >= '0' && c <= '9') {
      if (zero) return false;
      zero = !digit && c == '0';
      digit = true;
    } else {
      return false;
    }
  }
  return dots == 2 && digit;
}

template <Kind K, FixedString Namespace, FixedString Name, FixedString Version>
struct Schema {
  static_assert(Namespace.view().empty() || Namespace.view().starts_with("urn:"),
                "a namespace starts with urn:");
  static_assert(!Name.view().empty(), "a record has a name");
  static_assert(Version.view().empty() || is_version(Version.view()), "a version reads MAJOR.MINOR.PATCH");
  static constexpr Kind kind = K;
  static constexpr std::string_view ns = Namespace.view(), name = Name.view(), version = Version.view();
};

template <class T>
consteval auto split_names() {
  constexpr std::size_t n = std::tuple_size_v<decltype(std::declval<T&>().eventy_fields())>;
  std::array<std::string_view, n> out{};
  std::string_view all = T::eventy_names();
  for (std::size_t i = 0; i < n; ++i) {
    auto end = all.find(',');
    auto one = all.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    out[i] = one;
    all = end == all.npos ? std::string_view{} : all.substr(end + 1);
  }
  return out;
}

// The names that T says, checked.
template <class T>
consteval auto field_names() {
  constexpr auto names = split_names<T>();
  constexpr bool are_own = std::is_same_v<decltype(std::declval<const T&>().eventy_self()), const T*>;
  constexpr bool are_distinct = !has_duplicate(names);
  static_assert(
      are_own,
      "this type has the EVENTY_FIELDS of its base, without its own members: name those to encode with "
      "EVENTY_FIELDS_SOME(...)");
  static_assert(are_distinct, "EVENTY_FIELDS names a member twice");
  if constexpr (T::eventy_names_all() && are_own && are_distinct) check_every_member<T, names.size()>();
  return names;
}

}  // namespace detail

// The `record` member of a message type is one of these.
template <FixedString Namespace, FixedString Name, FixedString Version>
struct Event : detail::Schema<Kind::event, Namespace, Name, Version> {};
template <FixedString Namespace, FixedString Name, FixedString Version>
struct Response : detail::Schema<Kind::response, Namespace, Name, Version> {};
template <FixedString Namespace, FixedString Name, FixedString Version, class R>
struct Request : detail::Schema<Kind::request, Namespace, Name, Version> {
  using response = R;
};
template <FixedString Name, class A>
struct Query : detail::Schema<Kind::query, "", Name, ""> {
  using answer = A;
};

// Names the members to encode, in the order of writing: each member of the struct once. At most 64; may be
// empty. A member that is not named does not compile, where the type is read or written.
#define EVENTY_FIELDS(...) EVENTY_FIELDS_AS(true, #__VA_ARGS__, __VA_ARGS__)

// The same for some of the members. The others are not encoded, and have their defaults in what is read. A
// type that has a base, private members or constructors takes this one, because its members cannot be
// counted.
#define EVENTY_FIELDS_SOME(...) EVENTY_FIELDS_AS(false, #__VA_ARGS__, __VA_ARGS__)

#define EVENTY_FIELDS_AS(ALL, NAMES, ...)                                \
  constexpr auto eventy_fields() { return std::tie(__VA_ARGS__); }       \
  constexpr auto eventy_fields() const { return std::tie(__VA_ARGS__); } \
  constexpr auto eventy_self() const { return this; }                    \
  static constexpr std::string_view eventy_names() { return NAMES; }     \
  static constexpr bool eventy_names_all() { return ALL; }               \
  using eventy_fields_end [[maybe_unused]] = void

template <class T>
concept Fields = requires(const T& t) { t.eventy_fields(); };

// The record of a message type. For a type that you cannot change, such as a generated one, specialize
// RecordOf with a `type` like the member `record`, and provide read() and write() for the type.
template <class T>
struct RecordOf {};
template <class T>
  requires Fields<T> && requires { T::record::kind; }
struct RecordOf<T> {
  using type = typename T::record;
};
template <class T>
concept Message = requires { RecordOf<T>::type::kind; };
template <class T, Kind K>
concept MessageOf = Message<T> && RecordOf<T>::type::kind == K;
template <class T>
concept EventType = MessageOf<T, Kind::event>;
template <class T>
concept RequestType = MessageOf<T, Kind::request>;
template <class T>
concept ResponseType = MessageOf<T, Kind::response>;
template <class T>
concept QueryType = MessageOf<T, Kind::query>;

// An enum is encoded as a name: a free function `enum_names(E)` returns its names, indexed by value from 0.
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires(T t) { enum_names(t); };

}  // namespace eventy
