// Reader and Writer: the ports through which a format carries the members of a type. Each value costs one
// virtual call; no tree is built. read() and write() walk a type's members through them.
// A Reader or Writer belongs to one thread. Views that a Reader returns last as long as the bytes that it
// reads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "eventy/core/schema.hpp"
#include "eventy/core/types.hpp"

namespace eventy {

// Thrown for bytes that do not decode. `what()` starts with the path of the member, as in `legs[3].dest: …`.
class DecodeError : public std::runtime_error {
 public:
  explicit DecodeError(std::string reason) : std::runtime_error(reason), reason_(std::move(reason)) {}
  // The same error as the enclosing value reports it: `step` is a member's name or `[index]`.
  DecodeError within(std::string_view step) const;
  const std::string& path() const { return path_; }
  const std::string& reason() const { return reason_; }

 private:
  DecodeError(std::string path, std::string reason)
      : std::runtime_error(path + ": " + reason), path_(std::move(path)), reason_(std::move(reason)) {}
  std::string path_ = {}, reason_;
};

// Thrown for a value that a format cannot carry. `what()` starts with the member's path.
class EncodeError : public std::invalid_argument {
 public:
  explicit EncodeError(std::string reason) : EncodeError(DecodeError(std::move(reason))) {}
  explicit EncodeError(const DecodeError& place) : std::invalid_argument(place.what()), place_(place) {}
  EncodeError within(std::string_view step) const { return EncodeError(place_.within(step)); }
  const DecodeError& place() const { return place_; }

 private:
  DecodeError place_;  // joins the path
};

class Writer {
 public:
  virtual ~Writer() = default;
  virtual void open_map(std::size_t members) = 0;  // exactly `members` members follow
  virtual void member(std::string_view name) = 0;  // one value follows
  virtual void close_map() = 0;
  virtual void open_list(std::size_t items) = 0;
  virtual void item() = 0;  // one value follows
  virtual void close_list() = 0;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(std::int64_t value) = 0;
  virtual void unsigned_integer(std::uint64_t value) = 0;
  virtual void real(double value) = 0;  // throws std::invalid_argument if the format cannot carry the value
  virtual void text(std::string_view utf8) = 0;
  virtual void bytes(std::span<const std::byte> value) = 0;
  virtual void instant(Instant value) = 0;
};

enum class ValueType : std::uint8_t {
  null,
  boolean,
  integer,
  unsigned_integer,
  real,
  text,
  bytes,
  list,
  map
};

// Each call consumes one value or throws DecodeError.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual ValueType type() = 0;  // the type of the next value; consumes nothing
  virtual void open_map() = 0;
  // False: the map is closed. `name` is valid until the next call.
  virtual bool member(std::string_view& name) = 0;
  virtual void open_list() = 0;
  virtual bool item() = 0;  // false: the list is closed
  virtual bool null() = 0;  // consumes a null; false if the next value is another one
  virtual bool boolean() = 0;
  virtual std::int64_t integer() = 0;
  virtual std::uint64_t unsigned_integer() = 0;
  virtual double real() = 0;  // accepts an integer too
  virtual std::string_view text() = 0;
  virtual void bytes(std::vector<std::byte>& out) = 0;
  virtual Instant instant() = 0;
  virtual void skip() = 0;
};

// How an absent member is read: as an error in records, as its default in states, which may be older than the
// program.
enum class Absent : std::uint8_t { is_error, takes_default };

// A value of any type, for records whose type the program does not know. Members keep their order.
struct Value;
using ValueList = std::vector<Value>;
using ValueMap = std::vector<std::pair<std::string, Value>>;
struct Value {
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, std::vector<std::byte>,
               ValueList, ValueMap>
      is = nullptr;
  friend bool operator==(const Value&, const Value&);
};
void write(Writer& w, const Value& v);
void write(Writer& w, const ValueMap& v);
void read(Reader& r, Value& v, Absent absent);
void read(Reader& r, ValueMap& v, Absent absent);

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T, class C>
struct IsMap<std::map<std::string, T, C>> : std::true_type {};
template <class T>
inline constexpr bool is_bytes = std::is_same_v<T, std::vector<std::byte>>;
template <class>
inline constexpr bool no_codec = false;

// Like ==, but faster for the short names of members than a call of memcmp.
inline bool same_name(std::string_view a, std::string_view b) {
  auto differ = [&]<class Word>(std::size_t at, Word x) {
    Word y;
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    return std::uint64_t{x} ^ y;
  };
  auto size = a.size();
  if (size != b.size()) return false;
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      if (differ(i, std::uint64_t{}) != 0) return false;
    }
    return differ(size - 8, std::uint64_t{}) == 0;
  }
  if (size >= 4) return (differ(0, std::uint32_t{}) | differ(size - 4, std::uint32_t{})) == 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

[[noreturn]] void fail_out_of_range(std::string value);
// For a text that parse_iso8601() rejects.
[[noreturn]] void fail_date(std::string_view text);
[[noreturn]] void fail_member_twice(std::string_view name);
[[noreturn]] void fail_member_missing(std::string_view name);
[[noreturn]] void fail_unknown_name(std::string_view value);
std::string index_step(std::size_t index);

}  // namespace detail

#define EVENTY_NO_CODEC                                                                                    \
  "this type cannot be a member of a record: give it EVENTY_FIELDS(...), or enum_names(...) for an enum; " \
  "integers, "                                                                                             \
  "floating point, bool, std::string, Instant, optional, vector, map<string, T> and bytes need nothing"

template <class T>
void write(Writer& w, const T& v) {
  if constexpr (std::is_same_v<T, bool>) {
    w.boolean(v);
  } else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>) {
    w.unsigned_integer(v);
  } else if constexpr (std::is_integral_v<T>) {
    w.integer(v);
  } else if constexpr (std::is_floating_point_v<T>) {
    w.real(static_cast<double>(v));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    w.text(v);
  } else if constexpr (std::is_same_v<T, Instant>) {
    w.instant(v);
  } else if constexpr (detail::is_bytes<T>) {
    w.bytes(v);
  } else if constexpr (NamedEnum<T>) {
    w.text(enum_names(v).at(static_cast<std::size_t>(v)));
  } else if constexpr (detail::IsOptional<T>::value) {
    if (v) {
      write(w, *v);
    } else {
      w.null();
    }
  } else if constexpr (detail::IsVector<T>::value) {
    w.open_list(v.size());
    for (const auto& x : v) w.item(), write(w, x);
    w.close_list();
  } else if constexpr (detail::IsMap<T>::value) {
    w.open_map(v.size());
    for (const auto& [k, x] : v) w.member(k), write(w, x);
    w.close_map();
  } else if constexpr (Fields<T>) {
    static constexpr auto names = detail::field_names<T>();
    w.open_map(names.size());
    [&]<std::size_t... I>(std::index_sequence<I...>, [[maybe_unused]] auto fields) {
      ((w.member(names[I]), write(w, std::get<I>(fields))), ...);
    }(std::make_index_sequence<names.size()>{}, v.eventy_fields());
    w.close_map();
  } else {
    static_assert(detail::no_codec<T>, EVENTY_NO_CODEC);
  }
}

template <class T>
void read(Reader& r, T& v, Absent absent);

namespace detail {

// Reads a struct. Members mostly come in the order of their declaration, so the next one is tried first.
template <class T>
void read_fields(Reader& r, T& v, Absent absent) {
  static constexpr auto names = field_names<T>();
  static_assert(names.size() <= 64, "a struct carries at most 64 members");
  auto fields = v.eventy_fields();
  using Tuple = decltype(fields);
  std::uint64_t seen = 0;
  std::size_t expected = 0;
  std::set<std::string, std::less<>> unknown;  // a set, because a hostile record may hold very many
  r.open_map();
  for (std::string_view name; r.member(name);) {
    std::size_t at = expected;
    if (at >= names.size() || !same_name(names[at], name)) {
      at = 0;
      while (at < names.size() && !same_name(names[at], name)) ++at;
    }
    if (at == names.size()) {
      if (!unknown.emplace(name).second) fail_member_twice(name);
      r.skip();
      continue;
    }
    if (seen >> at & 1) fail_member_twice(name);
    seen |= std::uint64_t{1} << at;
    expected = at + 1;
    try {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        (void)((at == I && (read(r, std::get<I>(fields), absent), true)) || ...);
      }(std::make_index_sequence<names.size()>{});
    } catch (const DecodeError& e) {
      throw e.within(names[at]);
    }
  }
  if (absent == Absent::takes_default) return;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (void(IsOptional<std::remove_cvref_t<std::tuple_element_t<I, Tuple>>>::value || (seen >> I & 1) ||
          (fail_member_missing(names[I]), true)),
     ...);
  }(std::make_index_sequence<names.size()>{});
}

template <class T>
void read_list(Reader& r, std::vector<T>& v, Absent absent) {
  v.clear();
  r.open_list();
  for (std::size_t at = 0; r.item(); ++at) {
    try {
      if constexpr (std::is_same_v<T, bool>) {  // its elements are not references
        v.push_back(r.boolean());
      } else {
        read(r, v.emplace_back(), absent);
      }
    } catch (const DecodeError& e) {
      throw e.within(index_step(at));
    }
  }
}

template <class M>
void read_map(Reader& r, M& v, Absent absent) {
  v.clear();
  r.open_map();
  for (std::string_view k; r.member(k);) {
    auto [it, fresh] = v.try_emplace(std::string(k));
    if (!fresh) fail_member_twice(k);
    try {
      read(r, it->second, absent);
    } catch (const DecodeError& e) {
      throw e.within(it->first);
    }
  }
}

template <class T>
void read_enum(Reader& r, T& v) {
  auto s = r.text();
  auto names = enum_names(v);
  auto it = std::find(names.begin(), names.end(), s);
  if (it == names.end()) fail_unknown_name(s);
  v = static_cast<T>(it - names.begin());
}

template <class T, class N>
T narrow(N n) {
  if (!std::in_range<T>(n)) fail_out_of_range(std::to_string(n));
  return static_cast<T>(n);
}

template <class T>
T narrow_real(double n) {
  constexpr auto most = static_cast<double>(std::numeric_limits<float>::max());
  if constexpr (std::is_same_v<T, float>) {
    if (std::isfinite(n) && (n > most || n < -most)) fail_out_of_range(std::to_string(n));
  }
  return static_cast<T>(n);
}

}  // namespace detail

template <class T>
void read(Reader& r, T& v, Absent absent) {
  if constexpr (std::is_same_v<T, bool>) {
    v = r.boolean();
  } else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>) {
    v = detail::narrow<T>(r.unsigned_integer());
  } else if constexpr (std::is_integral_v<T>) {
    v = detail::narrow<T>(r.integer());
  } else if constexpr (std::is_floating_point_v<T>) {
    v = detail::narrow_real<T>(r.real());
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    v = r.text();
  } else if constexpr (std::is_same_v<T, Instant>) {
    v = r.instant();
  } else if constexpr (detail::is_bytes<T>) {
    r.bytes(v);
  } else if constexpr (NamedEnum<T>) {
    detail::read_enum(r, v);
  } else if constexpr (detail::IsOptional<T>::value) {
    if (r.null()) {
      v.reset();
    } else {
      read(r, v.emplace(), absent);
    }
  } else if constexpr (detail::IsVector<T>::value) {
    detail::read_list(r, v, absent);
  } else if constexpr (detail::IsMap<T>::value) {
    detail::read_map(r, v, absent);
  } else if constexpr (Fields<T>) {
    detail::read_fields(r, v, absent);
  } else {
    static_assert(detail::no_codec<T>, EVENTY_NO_CODEC);
  }
}

#undef EVENTY_NO_CODEC

}  // namespace eventy
