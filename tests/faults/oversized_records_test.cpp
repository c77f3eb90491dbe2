// Records that are too large, on the embedded store.
#define CAF_SUITE oversized_records

#include "oversized_records.hpp"

#include "rocksdb_support.hpp"

using namespace eventy;

CAF_TEST(a_record_that_is_too_large_fails_alone_on_the_embedded_store) {
  const faults::Folder folder;
  auto options = faults::options_of(folder.path() / "data");
  options.max_cycle_bytes =
      400'000;  // a quarter of it is the most that a state, an output, a record may have
  const auto store = rocksdb::open(options).value();
  faults::oversized::run(*store);
}
