// What a program does about its standard streams, so that a reader that has gone, a full disk behind a
// redirection or streams that were closed at the start do it no harm.
#pragma once

#include <string>

namespace eventy {

// At the very start, before any file is opened. Ignores SIGPIPE: a write to a reader that has gone fails and
// ends nothing. Streams that are closed are opened on /dev/null, or their numbers would go to the first
// files, and what is printed into those.
void prepare_standard_streams();

// A line, and nothing where it cannot be written.
void say_on_standard_error(const std::string& line);

// A line of standard output, of any length: a terminal, which obeys what it is shown, gets it with everything
// escaped that is not text, and no more of it than anybody reads. Whoever reads a pipe or a file gets it as
// it is.
void print_line(const std::string& line);

// Whether all that was printed to standard output has been written; else errno says why not.
bool standard_output_is_written();

}  // namespace eventy
