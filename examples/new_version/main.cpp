// The program that replaces `counter run` on the same data.
#include "counter.hpp"
#include "eventy/run.hpp"

int main(int argc, char** argv) { return eventy::run(argc, argv, {new_version::service()}); }
