// Hostile rows where a partition keeps its failures: the waiting record, the totals, the head of a parked key
// and a parked record, behind two bytes of size each. The book refuses them or works with them.
#include "eventy/engine/parking.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/service.hpp"
#include "runtime/engine/failure_book.hpp"
#include "tests/fuzz/judge.hpp"

using namespace eventy;

namespace {

struct Clicked {
  EVENTY_FIELDS();
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Tally {
  EVENTY_FIELDS();
};

constexpr std::string_view key = "k";

class Rows final : public StateReader {
 public:
  explicit Rows(std::string_view bytes) {
    for (fuzz::Parts parts(bytes); auto& row : rows_) row = parts.sized();
  }
  Result<std::optional<std::string>> get(KeyspaceIndex, std::string_view row) const override {
    const auto at = std::string_view("wthr").find(row.front());
    if (at == std::string_view::npos || rows_[at].empty()) return std::optional<std::string>();
    return std::optional<std::string>(rows_[at]);
  }

 private:
  std::array<std::string_view, 4> rows_ = {};
};

void work_with(FailureBook& book) {
  if (!book.load()) return;
  const ParkedRecord record{.topic = "t", .value = Bytes(3)};
  (void)book.waiting({"t", 7});
  book.done({"t", 7});
  if (book.has_room(key, 3)) book.park(key, record, Instant(Duration(1)));
  book.release(key);
  (void)book.releasing();
  if (const auto first = book.first(key)) book.keep_first(key, *first), book.drop_first(key, *first);
  (void)book.parked(key);
  std::vector<StateChange> changes;
  book.end_slice(1, changes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const ServiceRuntime runtime(
      service<Tally>("counter").on([](Turn<Tally>&, const Clicked&) {}),
      {.serializer = msgpack::serializer(), .state_format = msgpack::state_format()});
  static const SystemClock clock;
  FailureBook book(runtime, PartitionId{0}, std::make_shared<const Rows>(fuzz::text_of(data, size)), clock,
                   SIZE_MAX);
  const fuzz::MemoryWatch watch;
  try {
    work_with(book);
  } catch (const Failure& e) {
    fuzz::require(e.error().code == ErrorCode::corrupt || e.error().code == ErrorCode::newer_format,
                  "a row that cannot be trusted is corrupt, or of a newer program");
  }
  fuzz::require(watch.peak() <= 4 * fuzz::max_memory(size), "rows took more memory than they may");
  return 0;
}
