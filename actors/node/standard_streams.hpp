// Prepares a program's standard streams, so that a closed pipe, a full disk behind a redirection or streams
// that were closed at the start do no harm.
#pragma once

#include <string>

namespace eventy {

// Call it first, before any file is opened. Ignores SIGPIPE: a write to a closed pipe fails instead of ending
// the process. Opens closed streams on /dev/null; otherwise the first opened files would get their numbers
// and receive what is printed.
void prepare_standard_streams();

// Prints a line. Ignores errors.
void say_on_standard_error(const std::string& line);

// Prints a line of any length to standard output. A terminal, which interprets control characters, gets it
// escaped and cut; a pipe or a file gets it unchanged.
void print_line(const std::string& line);

// Whether everything printed to standard output was written; if not, errno says why.
bool standard_output_is_written();

}  // namespace eventy
