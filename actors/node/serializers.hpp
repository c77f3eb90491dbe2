// Serializers by their names in a configuration or on a command line.
#pragma once

#include <string>

#include "eventy/adapters.hpp"

namespace eventy {

// `names` is one name, or several separated by commas: then records of all these formats are read,
// distinguished by their first bytes, and the first format is written. Fails with ErrorCode::configuration if
// a name is unknown, a serializer cannot be made, or several cannot be distinguished.
Result<std::shared_ptr<const Serializer>> make_serializer(const Adapters& adapters, const std::string& names,
                                                          const FormatOptions& options);

}  // namespace eventy
