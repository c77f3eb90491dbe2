// The `.evsc.yaml` files of a folder.
#pragma once

#include <filesystem>
#include <functional>

#include "eventy/core/result.hpp"
#include "evsc.hpp"

namespace eventy::avro::detail {

// Reads all such files in the folder and its subfolders, in the order of their names, or the one file. If
// `take` throws DecodeError, the error has the file's name. Errors: ErrorCode::configuration, not_found,
// permission_denied or io.
Result<void> for_each_evsc(const std::filesystem::path& file_or_folder,
                           const std::function<void(const Evsc&)>& take);

}  // namespace eventy::avro::detail
