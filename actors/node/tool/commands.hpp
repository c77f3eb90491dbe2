// The commands of the tool as functions. Each prints to standard output what was asked for, complains on
// standard error, and returns the exit code.
#pragma once

#include <string>
#include <vector>

#include "eventy/node.hpp"

namespace eventy::detail {

inline constexpr int exit_done = 0, exit_bad_record = 1, exit_wrong_usage = 2;
inline constexpr int exit_incompatible = 1;

struct Formats {
  std::shared_ptr<const Serializer> asked;  // --serializer
  std::shared_ptr<const Serializer> json;   // the protocol's, for what people read
};

// One line per record, in the order given; bad ones are passed over.
int decode_files(const Formats& formats, const std::vector<std::string>& files);

// Reads a record a line from standard input; the record of line N becomes the file FOLDER/N.bin, six digits.
int encode_lines(const Formats& formats, const std::string& folder);

// Prints what changed between two files or folders of schemas, a line each; exit_incompatible where it takes
// a major version.
int check_schemas(const Adapters& adapters, const std::string& older, const std::string& newer);

// Says on standard error what is wrong.
void complain(const std::string& what);
// Flushes standard output. False, after a complaint: what was printed did not get through.
bool finish_output();

}  // namespace eventy::detail
