// Rows of the state that cannot be read: the error says whose they are and where they lie.
#define CAF_SUITE engine_state_errors
#include <caf/test/unit_test.hpp>

#include "counter_fixture.hpp"
#include "eventy/engine/parking.hpp"
#include "eventy/engine/source_engine.hpp"
#include "eventy/msgpack/msgpack.hpp"

namespace eventy {
namespace {

using namespace counting;

// Each row of one keyspace holds these bytes, the others nothing.
struct Reader final : StateReader {
  Reader(KeyspaceIndex k, std::string b) : keyspace(k), bytes(std::move(b)) {}
  Result<std::optional<std::string>> get(KeyspaceIndex k, std::string_view) const override {
    return k == keyspace ? std::optional(bytes) : std::nullopt;
  }
  std::string place() const override { return "topic counter-changelog partition 3 before offset 812"; }

  KeyspaceIndex keyspace;
  std::string bytes;
};

const std::string cut_off("\1\0", 2), newer("\2\0{}", 4), too_short("\1", 1);
struct Position {
  std::int64_t next = 0;
  EVENTY_FIELDS(next);
};

Service counter_of_clicks() {
  return service<Tally>("counter")
      .on(exactly_once, [](Turn<Tally>& turn, const Clicked&) { ++turn.edit().n; })
      .source<Position>("file", [](Poll<Position>&) {});
}

struct Subject {
  Subject() : fixture(counter_of_clicks()) {}
  std::shared_ptr<const Routes> routes() const {
    return std::make_shared<const Routes>(Routes{runtime, std::vector<std::uint32_t>(8, 4)});
  }
  std::shared_ptr<Batch> click() const {
    Record record(Kind::event, "urn:web", "Clicked", "urn:web");
    record.set_partition_key("ann");
    record.data = {{"n", Value{std::int64_t{2}}}};
    auto batch = std::make_shared<Batch>();
    batch->topic = *runtime->topic_named("web-events"), batch->partition = {3};
    batch->slab = encode(record, *testing::plain_serializer()->make_encoder());
    const std::size_t size = batch->slab.size();
    batch->slab.append(value_padding, '\0');
    batch->records.push_back(
        {.offset = {0}, .key = "ann", .value = std::string_view(batch->slab).substr(0, size)});
    batch->next = {1};
    return batch;
  }

  Fixture fixture;
  std::shared_ptr<const ServiceRuntime> runtime =
      std::make_shared<const ServiceRuntime>(counter_of_clicks(), fixture.options());
};

template <class F>
Error error_of(F f) {
  try {
    f();
  } catch (const Failure& e) {
    CAF_MESSAGE(e.what());
    return e.error();
  }
  return {.message = "no error"};
}

Error error_of_turn(KeyspaceIndex keyspace, const std::string& bytes) {
  Subject subject;
  PartitionEngine engine(subject.routes(), {3}, {1}, std::make_shared<Reader>(keyspace, bytes),
                         subject.fixture.clock);
  engine.accept(subject.click());
  return error_of([&] { (void)engine.step(); });
}

constexpr const char* place = " (in topic counter-changelog partition 3 before offset 812) ";

CAF_TEST(a_state_that_does_not_decode_names_its_key_and_its_place) {
  const auto name = std::string("service counter, partition 3: the state of key \"ann\"") + place;
  const auto cut = error_of_turn(ServiceRuntime::state_keyspace, cut_off);
  CAF_CHECK(cut.code == ErrorCode::corrupt);
  CAF_CHECK(cut.message.starts_with(name + "does not decode: "));
  const auto none = error_of_turn(ServiceRuntime::state_keyspace, too_short);
  CAF_CHECK(none.code == ErrorCode::corrupt && none.message.starts_with(name + "cannot be read: "));
  const auto later = error_of_turn(ServiceRuntime::state_keyspace, newer);
  CAF_CHECK(later.code == ErrorCode::newer_format && later.message.starts_with(name + "cannot be read: "));
}

CAF_TEST(so_does_a_row_of_failures) {
  Subject subject;
  const auto error = error_of_turn(subject.runtime->failures_keyspace(), cut_off);
  CAF_CHECK(error.code == ErrorCode::corrupt);
  CAF_CHECK(error.message.starts_with("service counter, partition 3: the row of failures of key \""));
  CAF_CHECK(error.message.find(place) != std::string::npos);
}

CAF_TEST(so_does_the_position_of_a_source) {
  Subject subject;
  const auto reader = std::make_shared<Reader>(ServiceRuntime::source_keyspace(0), cut_off);
  const auto error = error_of([&] {
    SourceEngine engine(subject.routes(), {{3}, 0}, {1}, reader, subject.fixture.clock);
  });
  CAF_CHECK(error.code == ErrorCode::corrupt);
  CAF_CHECK(error.message.starts_with(
      std::string("service counter, partition 3: the position of a source of key \"file\"") + place));
}

CAF_TEST(a_state_that_is_listed_names_its_key) {
  Fixture f(counter_of_clicks());
  f.click(1);
  f.settle(20);
  const auto error = error_of([&] {
    struct Other {
      std::string n;
      EVENTY_FIELDS(n);
    };
    for_each_state<Other>(f.store, *f.options().state_format, "counter",
                          [](PartitionId, std::string_view, const Other&) {})
        .value();
  });
  CAF_CHECK(error.code == ErrorCode::corrupt);
  CAF_CHECK(error.message.starts_with("service counter, partition 0: the state of key \""));
}

CAF_TEST(so_does_a_parked_key_that_is_listed) {
  Fixture f(service<Tally>("counter")
                .on(exactly_once, [](Turn<Tally>&, const Clicked&) { throw std::runtime_error("not now"); })
                .on_failure({.then = FinalAction::park_key}));
  f.click(1);
  f.settle(20);
  CAF_REQUIRE_EQUAL(parked_keys(f.store, *f.options().state_format, "counter").value().size(), 1u);
  const auto keys = parked_keys(f.store, *msgpack::state_format(), "counter");  // not the one of its rows
  CAF_REQUIRE(!keys.ok());
  CAF_MESSAGE(keys.error().message);
  CAF_CHECK(keys.error().code == ErrorCode::corrupt);
  CAF_CHECK(keys.error().message.starts_with("service counter, partition 0: the row of failures of key \""));
}

}  // namespace
}  // namespace eventy
