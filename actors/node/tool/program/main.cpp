#include "eventy/tool.hpp"

int main(int argc, char** argv) { return eventy::tool(argc, argv); }
