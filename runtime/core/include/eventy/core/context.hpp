// The context of a record: for each service (by URN) a small map of scalars that travels with everything the
// record causes. A service writes its own entry only.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "eventy/core/codec.hpp"

namespace eventy {

using ContextValue = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string>;
using ContextEntry = std::map<std::string, ContextValue, std::less<>>;
using Context = std::map<std::string, ContextEntry, std::less<>>;

void write(Writer& w, const ContextValue& v);
void write(Writer& w, const Context& c);
// Throws DecodeError for a value that is not a scalar; `c` is replaced.
void read(Reader& r, Context& c);

}  // namespace eventy
