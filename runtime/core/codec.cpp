#include "eventy/core/codec.hpp"

#include "quote.hpp"

namespace eventy {

DecodeError DecodeError::within(std::string_view step) const {
  // Steps are names of members, which come from outside in a map.
  auto path = detail::printable(step);
  if (!path_.empty() && path_.front() != '[') path += '.';
  return {path + path_, reason_};
}

namespace detail {

void fail_out_of_range(std::string value) { throw DecodeError(value + " is out of range"); }

void fail_date(std::string_view text) {
  throw DecodeError("must be a date in ISO 8601 of the years 0001 to 9999, not " + quoted(text));
}

void fail_member_twice(std::string_view name) { throw DecodeError("this member occurs twice").within(name); }

void fail_member_missing(std::string_view name) { throw DecodeError("this member is missing").within(name); }

void fail_unknown_name(std::string_view value) {
  throw DecodeError(quoted(value) + " is not a name of this enum");
}

std::string index_step(std::size_t index) { return "[" + std::to_string(index) + "]"; }

}  // namespace detail

namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;  // clang 16 needs this deduction guide

// Checks the whole map at once: a search for each member from outside would take quadratic time.
void refuse_member_twice(const ValueMap& v) {
  std::vector<std::string_view> names;
  names.reserve(v.size());
  for (const auto& [name, value] : v) names.push_back(name);
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) detail::fail_member_twice(*twice);
}

bool is_integer(const Value& v) {
  return std::holds_alternative<std::int64_t>(v.is) || std::holds_alternative<std::uint64_t>(v.is);
}

bool same_integer(const Value& a, const Value& b) {
  auto same = [](auto x, auto y) {
    if constexpr (std::is_same_v<decltype(x), decltype(y)>) {
      return x == y;
    } else {
      return std::cmp_equal(x, y);
    }
  };
  auto* x = std::get_if<std::int64_t>(&a.is);
  auto* y = std::get_if<std::int64_t>(&b.is);
  if (x) return y ? same(*x, *y) : same(*x, std::get<std::uint64_t>(b.is));
  return y ? same(std::get<std::uint64_t>(a.is), *y)
           : same(std::get<std::uint64_t>(a.is), std::get<std::uint64_t>(b.is));
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  // Formats differ in whether they read 1 as signed; it is the same number.
  if (is_integer(a) && is_integer(b)) return same_integer(a, b);
  return a.is == b.is;
}

void write(Writer& w, const Value& v) {
  std::visit(Overload{[&](std::nullptr_t) { w.null(); }, [&](const auto& x) { write(w, x); }}, v.is);
}

void write(Writer& w, const ValueMap& v) {
  w.open_map(v.size());
  for (const auto& [name, value] : v) w.member(name), write(w, value);
  w.close_map();
}

void read(Reader& r, Value& v, Absent absent) {
  switch (r.type()) {
    case ValueType::null:
      r.null(), v.is = nullptr;
      break;
    case ValueType::boolean:
      v.is = r.boolean();
      break;
    case ValueType::integer:
      v.is = r.integer();
      break;
    case ValueType::unsigned_integer:
      v.is = r.unsigned_integer();
      break;
    case ValueType::real:
      v.is = r.real();
      break;
    case ValueType::text:
      v.is.emplace<std::string>(r.text());
      break;
    case ValueType::bytes:
      r.bytes(v.is.emplace<std::vector<std::byte>>());
      break;
    case ValueType::list:
      read(r, v.is.emplace<ValueList>(), absent);
      break;
    case ValueType::map:
      read(r, v.is.emplace<ValueMap>(), absent);
      break;
  }
}

void read(Reader& r, ValueMap& v, Absent absent) {
  v.clear();
  r.open_map();
  for (std::string_view name; r.member(name);) {
    auto& [own_name, value] = v.emplace_back(std::string(name), Value{});
    try {
      read(r, value, absent);
    } catch (const DecodeError& e) {
      throw e.within(own_name);
    }
  }
  refuse_member_twice(v);
}

}  // namespace eventy
