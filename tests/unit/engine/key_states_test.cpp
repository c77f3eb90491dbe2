// The states of a partition's keys: what is cached, undone, written into a slice, evicted.
#define CAF_SUITE engine_key_states
#include "runtime/engine/key_states.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;

// Its encoder leaves room in the string, as those of the other formats do.
class RoomyStates : public StateFormat {
 public:
  std::string_view name() const override { return plain_->name(); }
  std::unique_ptr<ValueDecoder> make_decoder(const DecodeLimits& limits) const override {
    return plain_->make_decoder(limits);
  }
  std::unique_ptr<ValueEncoder> make_encoder() const override {
    return std::make_unique<Encoder>(plain_->make_encoder());
  }

 private:
  struct Encoder : ValueEncoder {
    explicit Encoder(std::unique_ptr<ValueEncoder> made) : plain(std::move(made)) {}
    Writer& start(std::string& out) override {
      out.reserve(out.size() + 512);
      return plain->start(out);
    }
    std::unique_ptr<ValueEncoder> plain;
  };

  std::shared_ptr<const StateFormat> plain_ = testing::plain_state_format();
};

struct Subject : Parts {
  explicit Subject(std::size_t max_cached_keys = 100)
      : Parts(clicks_with<Page>({}, [](auto&, auto&) {}), [=](auto& o) {
          o.max_cached_keys = max_cached_keys;
          o.state_format = std::make_shared<RoomyStates>();
        }) {}

  void write(const std::string& key, std::string text) {
    states.savepoint();
    states.open(key);
    static_cast<Page*>(states.edit())->text = std::move(text);
  }
  std::string read(const std::string& key) {
    states.open(key);
    const auto* page = static_cast<const Page*>(states.state());
    return page ? page->text : "none";
  }
  std::vector<StateChange> end_slice() {
    std::vector<StateChange> changes;
    states.end_slice(++slice, changes);
    return changes;
  }
  void commit(const std::vector<StateChange>& changes) { rows->commit(changes), states.committed(slice); }

  std::uint64_t slice = 0;
  KeyStates states{routes, {0}, rows};
};

}  // namespace

CAF_TEST(a_key_is_read_from_the_store_once) {
  Subject s;
  CAF_CHECK_EQUAL(s.read("ann"), "none");
  CAF_CHECK_EQUAL(s.read("ann"), "none");
  CAF_CHECK_EQUAL(s.rows->reads, 1);
}

CAF_TEST(roll_back_takes_a_key_back_to_the_savepoint_and_no_further) {
  Subject s;
  s.write("ann", "first");
  s.write("ann", "second");
  s.states.roll_back();
  CAF_CHECK_EQUAL(s.read("ann"), "first");
  s.states.savepoint();
  s.states.open("ann");
  s.states.delete_state();
  CAF_CHECK_EQUAL(s.read("ann"), "none");
  s.states.roll_back();
  s.states.roll_back();  // nothing is left to undo
  CAF_CHECK_EQUAL(s.read("ann"), "first");
}

CAF_TEST(a_key_that_was_undone_is_not_in_the_slice) {
  Subject s;
  s.write("ann", "kept");
  s.write("bob", "undone");
  s.states.roll_back();
  const auto changes = s.end_slice();
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  CAF_CHECK_EQUAL(changes[0].key, "ann");
  CAF_CHECK(changes[0].value.has_value());
}

CAF_TEST(a_key_that_changes_often_is_in_its_slice_once_and_as_it_is_at_the_end) {
  Subject s;
  for (const char* text : {"a", "b", "c"}) s.write("ann", text);
  const auto changes = s.end_slice();
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  s.commit(changes);
  s.states.rewind();
  Subject other;
  other.rows->rows = s.rows->rows;
  CAF_CHECK_EQUAL(other.read("ann"), "c");
  CAF_CHECK(s.end_slice().empty());
}

CAF_TEST(a_state_in_a_slice_takes_no_more_memory_than_its_bytes) {
  Subject s;
  for (int key = 0; key < 10; ++key) s.write(std::to_string(key), std::string(100, 'x'));
  for (const auto& change : s.end_slice()) {
    CAF_REQUIRE(change.value.has_value());
    CAF_CHECK_EQUAL(change.value->capacity(), change.value->size());
  }
}

CAF_TEST(a_forgotten_key_is_deleted) {
  Subject s;
  s.write("ann", "x");
  s.commit(s.end_slice());
  s.states.savepoint();
  s.states.open("ann");
  s.states.delete_state();
  const auto changes = s.end_slice();
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  CAF_CHECK(!changes[0].value.has_value());
}

CAF_TEST(rewind_drops_what_is_not_committed_and_keeps_the_rest) {
  Subject s;
  s.write("ann", "committed");
  s.commit(s.end_slice());
  s.write("ann", "lost");
  s.write("bob", "lost");
  (void)s.end_slice();
  s.write("cid", "lost");
  s.states.rewind();
  CAF_CHECK_EQUAL(s.states.cached_keys(), 0u);
  CAF_CHECK_EQUAL(s.read("ann"), "committed");
  CAF_CHECK_EQUAL(s.read("bob"), "none");
  CAF_CHECK_EQUAL(s.read("cid"), "none");
}

CAF_TEST(only_keys_that_are_committed_are_evicted) {
  Subject s(10);
  for (int i = 0; i < 40; ++i) s.write("k" + std::to_string(i), "x");
  const auto changes = s.end_slice();
  (void)s.end_slice();
  CAF_CHECK_EQUAL(s.states.cached_keys(), 40u);
  s.rows->commit(changes);
  s.states.committed(1);
  (void)s.end_slice();
  CAF_CHECK(s.states.cached_keys() <= 10);
  CAF_CHECK_EQUAL(s.read("k7"), "x");
}

CAF_TEST(a_state_that_the_store_does_not_take_is_refused) {
  Subject s;
  s.write("ann", std::string(900, 'x'));
  CAF_CHECK(s.states.check_size() >= 900);
  s.write("ann", std::string(1000, 'x'));
  CAF_CHECK(throws<std::length_error>([&] { (void)s.states.check_size(); }));
  s.states.open("ann");  // a turn that only reads it
  CAF_CHECK_EQUAL(s.states.check_size(), 0u);
}

CAF_TEST(a_key_that_the_store_does_not_take_is_refused) {
  Subject s;
  CAF_CHECK(throws<std::length_error>([&] { s.states.open(std::string(70'000, 'k')); }));
  CAF_CHECK(throws<std::logic_error>([&] { (void)s.states.edit(); }));
}

CAF_TEST(without_an_open_key_there_is_no_state) {
  Subject s;
  s.write("ann", "x");
  s.states.close();
  CAF_CHECK(s.states.state() == nullptr);
  CAF_CHECK(!s.states.is_edited());
  CAF_CHECK(throws<std::logic_error>([&] { (void)s.states.edit(); }));
}

}  // namespace eventy
