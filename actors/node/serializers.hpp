// Serializers by the names that a configuration or a command line has for them.
#pragma once

#include <string>

#include "eventy/node.hpp"

namespace eventy {

// `names` is one name, or several with commas between them: then records of each are read, told apart by
// their first bytes, and the first is written. Failure (ErrorCode::configuration): a name is unknown, the
// serializer could not be made, or several could not be told apart.
Result<std::shared_ptr<const Serializer>> make_serializer(const Adapters& adapters, const std::string& names,
                                                          const FormatOptions& options);

}  // namespace eventy
