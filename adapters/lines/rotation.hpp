// Finds the content of a file after its rotation. In the folder of `inbox`, the files `inbox.1`,
// `inbox-20260131` and `inbox.2026-01-31T12:00` are its rotations: its name, a dot or a dash, and digits
// with `.`, `-`, `_`, `:` and `T` between them. They are ordered by their last change. No state; reads only
// that folder.
#pragma once

#include "eventy/lines/line_source.hpp"
#include "text_file.hpp"

namespace eventy::lines {

bool is_rotation_of(std::string_view name, std::string_view rotated);

// Finds the file of the position, whatever its name is now: by its identity, else by its content, `path`
// itself first. The bytes before the offset match the fingerprint. nullopt: there is none. Throws Failure.
std::optional<TextFile> find(const std::filesystem::path& path, const LinePosition& at);

// The file written after this one; the last of them is `path` itself. nullopt: `path` does not exist yet.
// Throws Failure.
std::optional<TextFile> next_after(const std::filesystem::path& path, const TextFile& finished);

}  // namespace eventy::lines
