// Where the lines of a file went when it was rotated. Beside `inbox`, files with the names `inbox.1`,
// `inbox-20260131`, `inbox.2026-01-31T12:00` are what it was before: its name, a dot or a dash, and digits
// with
// `.`, `-`, `_`, `:` and `T` between them. Their order is that of their last changes. Pure; looks at the
// folder only.
#pragma once

#include "eventy/lines/line_source.hpp"
#include "text_file.hpp"

namespace eventy::lines {

bool is_rotation_of(std::string_view name, std::string_view rotated);

// The file that the position is in, wherever it lies now: of the same identity, else of the same content,
// `path` itself first; its bytes before the offset are those that were taken. nullopt: none. Throws Failure.
std::optional<TextFile> find(const std::filesystem::path& path, const LinePosition& at);

// The file that was begun after this one, at last `path` itself. nullopt: `path` is not there yet. Throws
// Failure.
std::optional<TextFile> next_after(const std::filesystem::path& path, const TextFile& finished);

}  // namespace eventy::lines
