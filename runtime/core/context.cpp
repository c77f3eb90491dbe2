#include "eventy/core/context.hpp"

namespace eventy {

namespace {

void read_value(Reader& r, ContextValue& v) {
  switch (r.type()) {
    case ValueType::null:
      r.null(), v = nullptr;
      break;
    case ValueType::boolean:
      v = r.boolean();
      break;
    case ValueType::integer:
    case ValueType::unsigned_integer:
      v = r.integer();
      break;
    case ValueType::real:
      v = r.real();
      break;
    case ValueType::text:
      v.emplace<std::string>(r.text());
      break;
    case ValueType::bytes:
    case ValueType::list:
    case ValueType::map:
      throw DecodeError("a context holds null, booleans, numbers and texts only");
  }
}

template <class Map, class ReadValue>
void read_members(Reader& r, Map& out, ReadValue read_one) {
  out.clear();
  r.open_map();
  for (std::string_view name; r.member(name);) {
    auto [it, fresh] = out.try_emplace(std::string(name));
    if (!fresh) detail::fail_member_twice(name);
    try {
      read_one(r, it->second);
    } catch (const DecodeError& e) {
      throw e.within(it->first);
    }
  }
}

}  // namespace

void write(Writer& w, const ContextValue& v) {
  std::visit(
      [&]<class T>(const T& x) {
        if constexpr (std::is_same_v<T, std::nullptr_t>) {
          w.null();
        } else {
          write(w, x);
        }
      },
      v);
}

void write(Writer& w, const Context& c) {
  w.open_map(c.size());
  for (const auto& [service, entry] : c) w.member(service), write(w, entry);
  w.close_map();
}

void read(Reader& r, Context& c) {
  read_members(r, c, [](Reader& entries, ContextEntry& entry) { read_members(entries, entry, read_value); });
}

}  // namespace eventy
