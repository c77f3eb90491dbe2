// The service of examples/counter, with records in a format of its own.
#include "../counter/counter.hpp"
#include "eventy/run.hpp"
#include "rows.hpp"

int main(int argc, char** argv) {
  auto adapters = eventy::builtin_adapters();
  adapters.serializers["rows"] = own_format::rows();
  return eventy::run(argc, argv, {counter::service()}, adapters);
}
