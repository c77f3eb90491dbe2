// The commands of the tool. Each prints its result to standard output and errors to standard error, and
// returns the exit code.
#pragma once

#include <string>
#include <vector>

#include "eventy/run.hpp"

namespace eventy::detail {

inline constexpr int exit_done = 0, exit_bad_record = 1, exit_wrong_usage = 2;
inline constexpr int exit_incompatible = 1;

struct Formats {
  std::shared_ptr<const Serializer> asked;  // --serializer
  std::shared_ptr<const Serializer> json;   // the protocol's JSON, for people
};

// Prints one line per record, in the given order; skips invalid records.
int decode_files(const Formats& formats, const std::vector<std::string>& files);

// Reads one record per line from standard input; the record of line N becomes the file FOLDER/N.bin, N with
// six digits.
int encode_lines(const Formats& formats, const std::string& folder);

// Prints the changes between two files or folders of schemas, one per line; exit_incompatible if they need a
// major version.
int check_schemas(const Adapters& adapters, const std::string& older, const std::string& newer);

// Prints an error to standard error.
void complain(const std::string& what);
// Flushes standard output. False if output was lost, after printing an error.
bool finish_output();

}  // namespace eventy::detail
