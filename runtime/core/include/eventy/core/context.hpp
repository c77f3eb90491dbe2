// The context of a record: for each service (by URN) a small map of scalars. It travels with every record
// that the record causes. A service writes only its own entry.
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
// Replaces `c`. Throws DecodeError for a value that is not a scalar.
void read(Reader& r, Context& c);

}  // namespace eventy
