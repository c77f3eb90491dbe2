// What bytes of records become: an attempt with its envelope, handlers, key and context.
#define CAF_SUITE engine_translator
#include "runtime/engine/translator.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;

struct Subject : Parts {
  Subject() : Parts(clicks_with<Page>({}, [](auto&, auto&) {})) {}
  bool read(const Record& record, std::int64_t offset = 0) {
    batch = batch_of(events(), {record}, offset);
    return translator.read(view_of(*batch, 0), attempt);
  }
  Translator translator{*runtime};
  Attempt attempt;
  std::shared_ptr<const Batch> batch;
};

}  // namespace

CAF_TEST(an_attempt_is_named_by_topic_and_offset) {
  Subject s;
  CAF_REQUIRE(s.read(clicked("ann", 1), 7));
  CAF_CHECK(s.attempt.id == (InputId{"web-events", 7}));
  CAF_CHECK_EQUAL(s.attempt.place(), "web-events/0@7");
  CAF_CHECK(s.attempt.meta_of_record() == &s.attempt.meta);
}

CAF_TEST(handlers_match_by_kind_namespace_and_name) {
  Subject s;
  CAF_REQUIRE(s.read(clicked("ann", 1)));
  s.translator.match(s.attempt);
  CAF_REQUIRE_EQUAL(s.attempt.matched.size(), 1u);
  CAF_CHECK_EQUAL(s.attempt.matched[0].plan->name, "Clicked");
  CAF_REQUIRE(s.read(Record(Kind::event, "urn:web", "Seen", "urn:web")));
  s.translator.match(s.attempt);
  CAF_CHECK(s.attempt.matched.empty());
}

CAF_TEST(an_empty_key_is_none) {
  Subject s;
  CAF_REQUIRE(s.read(clicked("", 1)));
  CAF_CHECK(s.translator.find_key(s.attempt));
  CAF_CHECK(!s.attempt.key);
  CAF_REQUIRE(s.read(clicked("ann", 1)));
  CAF_CHECK(s.translator.find_key(s.attempt));
  CAF_CHECK_EQUAL(s.attempt.key.value_or(""), "ann");
}

CAF_TEST(an_attempt_begins_without_what_the_last_one_left) {
  Subject s;
  CAF_REQUIRE(s.read(clicked("ann", 1)));
  s.attempt.tries_of(0).gave_up = true;
  s.attempt.is_paused = true;
  s.attempt.context.edit()["urn:counter"]["a"] = "b";
  CAF_CHECK(s.attempt.gave_up(0));
  CAF_REQUIRE(s.read(clicked("ann", 2)));
  CAF_CHECK(!s.attempt.gave_up(0));
  CAF_CHECK(!s.attempt.is_paused);
  CAF_CHECK(s.attempt.context.is_empty());
}

CAF_TEST(a_record_that_does_not_decode_keeps_its_place_for_its_dead_letter) {
  Subject s;
  auto batch = std::make_shared<Batch>();
  batch->topic = s.events();
  batch->slab = "no record" + std::string(value_padding, '\0');
  batch->records.push_back({.offset = {3}, .value = std::string_view(batch->slab).substr(0, 9)});
  CAF_CHECK(throws<DecodeError>([&] { (void)s.translator.read(view_of(*batch, 0), s.attempt); }));
  CAF_CHECK_EQUAL(s.attempt.place(), "web-events/0@3");
  CAF_CHECK_EQUAL(s.attempt.record->value, "no record");
  CAF_CHECK(s.attempt.meta.uuid.empty());
}

CAF_TEST(a_tombstone_does_not_decode) {
  Subject s;
  RecordView tombstone{.topic = s.events(), .tombstone = true};
  CAF_CHECK(throws<DecodeError>([&] { (void)s.translator.read(tombstone, s.attempt); }));
}

CAF_TEST(a_changed_context_gets_a_new_number) {
  Subject s;
  CAF_REQUIRE(s.read(clicked("ann", 1)));
  std::uint64_t last = 0;
  s.attempt.context.edit()["urn:counter"]["a"] = "b";
  const auto first = s.attempt.context.version(last);
  CAF_CHECK_EQUAL(s.attempt.context.version(last), first);
  s.attempt.context.edit()["urn:counter"]["a"] = "c";
  CAF_CHECK(s.attempt.context.version(last) > first);
  s.attempt.context.read_again();
  CAF_CHECK(s.attempt.context.value().empty());
}

}  // namespace eventy
