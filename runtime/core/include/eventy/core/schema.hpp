// What a message type declares: its kind, namespace, name and version, and the names of its members. Needs
// only the standard library, so that headers with message types compile fast.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

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
consteval auto field_names() {
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

// Names the members to encode, in the order of writing. At most 64; may be empty.
#define EVENTY_FIELDS(...)                                                  \
  constexpr auto eventy_fields() { return std::tie(__VA_ARGS__); }          \
  constexpr auto eventy_fields() const { return std::tie(__VA_ARGS__); }    \
  static constexpr std::string_view eventy_names() { return #__VA_ARGS__; } \
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
