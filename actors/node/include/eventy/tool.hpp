// The `eventy` tool: inspects records outside of a node. The whole program is `int main(int argc, char**
// argv) { return eventy::tool(argc, argv); }`; pass `adapters` to add formats of your own, as for a node.
//
// Exit codes: 0 done; 1 a record was invalid, a file could not be read or written, or schemas are
// incompatible; 2 a mistake on the command line, or schemas that cannot be read.
#pragma once

#include "eventy/run.hpp"

namespace eventy {

int tool(int argc, char** argv, Adapters adapters = builtin_adapters());

}  // namespace eventy
