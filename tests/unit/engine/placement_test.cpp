// Where the key of an input leads: here, to another partition, to the dead letters, or into a pause.
#define CAF_SUITE engine_placement
#include "runtime/engine/placement.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;
using Way = Placement::Way;

struct Answer {
  std::string text;
  EVENTY_FIELDS(text);
  using record = Response<"urn:other", "Answer", "1.0.0">;
};

Service answered() {
  return service<Page>("counter")
      .on(exactly_once, [](Turn<Page>&, const Clicked&) {})
      .on(exactly_once, [](Turn<Page>&, const Reply<Answer>&) {});
}

// Partition 0 of two.
struct Subject : Parts {
  explicit Subject(
      const Tune& tune = [](auto&) {}, const Service& service = answered())
      : Parts(service, tune, {.partitions = 2}) {
    failures.book().load();
    slice.begin({1}, SliceDraft::Expected::nothing);
  }
  static std::string key_of(std::uint32_t partition) {
    std::string key = "k";
    while (partition_of(key, 2) != PartitionId{partition}) key += 'x';
    return key;
  }
  Way find(const Record& record) { return find(record, events()); }
  Way find(const Record& record, TopicIndex topic) {
    batch = batch_of(topic, {record}, offset);
    translator.read(view_of(*batch, 0), attempt);
    translator.match(attempt);
    return placement.find(attempt);
  }
  // The response to a request that a turn of this key has made.
  static Record answer_for(const std::string& key) {
    Record record(Kind::response, "urn:other", "Answer", "urn:other");
    record.set_destination("urn:counter").set_request_uuid(record.uuid());
    if (!key.empty()) record.context["urn:counter"][request_entry_name(record.uuid())] = key;
    record.data = {{"text", Value{std::string("x")}}};
    return record;
  }
  TopicIndex answers() const { return *runtime->topic_named("other-responses"); }
  // Finds a misplaced record with as many after it in hand, and whether the partition pauses there.
  bool pauses_before(int records) {
    const auto all = batch_of(
        events(), std::vector<Record>(static_cast<std::size_t>(records), clicked(key_of(1), 1)), offset);
    CAF_REQUIRE(find(clicked(key_of(1), 1)) == Way::misplaced);
    const Placement::Run ahead[] = {{all.get(), 0}};
    return placement.pauses_at(attempt, ahead);
  }
  // The class of the error of the only dead letter.
  std::string error_class() {
    const auto& out = slice.outputs();
    if (out.entries.size() != 1) return std::to_string(out.entries.size()) + " outputs";
    for (const auto& h : out.headers)
      if (out.header(h).name == dead_letter::error_class) return std::string(out.header(h).value);
    return "no dead letter";
  }

  std::int64_t offset = 0;
  Outbox outbox{routes};
  SliceDraft slice{environment};
  Translator translator{*runtime};
  FailureHandling failures{environment, rows, outbox, slice};
  Placement placement{environment, translator, outbox, failures, slice};
  Attempt attempt;
  std::shared_ptr<const Batch> batch;
};

}  // namespace

CAF_TEST(a_record_whose_key_belongs_to_this_partition_is_here) {
  Subject s;
  CAF_CHECK(s.find(clicked(Subject::key_of(0), 1)) == Way::here);
  CAF_CHECK_EQUAL(s.attempt.key.value_or(""), Subject::key_of(0));
  CAF_CHECK(s.slice.outputs().empty());
}

CAF_TEST(a_record_whose_key_belongs_elsewhere_is_misplaced_and_nothing_is_decided) {
  Subject s;
  CAF_CHECK(s.find(clicked(Subject::key_of(1), 1)) == Way::misplaced);
  CAF_CHECK(s.slice.outputs().empty());
  s.placement.dead_letter_misplaced(s.attempt);
  CAF_CHECK_EQUAL(s.error_class(), "Misplaced");
}

CAF_TEST(a_service_without_state_takes_every_record) {
  Subject s([](auto&) {}, service<>("counter").on(exactly_once, [](Turn<NoState>&, const Clicked&) {}));
  CAF_CHECK(s.find(clicked(Subject::key_of(1), 1)) == Way::here);
  CAF_CHECK(s.find(clicked("", 1)) == Way::here);
}

CAF_TEST(a_record_without_a_key_becomes_a_dead_letter_of_a_service_with_state) {
  for (const bool is_empty : {true, false}) {
    Subject s;
    Record record = clicked("", 1);
    if (!is_empty) record.set_partition_key({});
    CAF_CHECK(s.find(record) == Way::settled);
    CAF_CHECK_EQUAL(s.error_class(), "NoKey");
  }
}

CAF_TEST(an_input_that_is_no_record_is_here_or_a_dead_letter) {
  for (const bool is_here : {true, false}) {
    Subject s;
    Tick tick(9);
    tick.begin(s.attempt, 8);
    s.attempt.set_key(Subject::key_of(is_here ? 0 : 1));
    CAF_CHECK(s.placement.find(s.attempt) == (is_here ? Way::here : Way::settled));
    CAF_CHECK_EQUAL(s.error_class(), is_here ? "0 outputs" : "Misplaced");
    CAF_CHECK_EQUAL(s.attempt.key.value_or(""), Subject::key_of(is_here ? 0 : 1));
  }
}

CAF_TEST(an_input_that_is_no_record_needs_a_key_for_a_service_with_state) {
  Tick tick(9);
  Subject s;
  tick.begin(s.attempt, 8);
  CAF_CHECK(s.placement.find(s.attempt) == Way::settled);
  CAF_CHECK_EQUAL(s.error_class(), "NoKey");
  Subject other([](auto&) {}, service<>("counter").on(exactly_once, [](Turn<NoState>&, const Clicked&) {}));
  tick.begin(other.attempt, 8);
  CAF_CHECK(other.placement.find(other.attempt) == Way::here);
}

CAF_TEST(a_response_belongs_to_the_partition_of_its_requesters_key) {
  Subject s;
  CAF_CHECK(s.find(Subject::answer_for(Subject::key_of(0)), s.answers()) == Way::here);
  CAF_CHECK_EQUAL(s.attempt.key.value_or(""), Subject::key_of(0));
  CAF_CHECK(s.slice.outputs().empty());
}

CAF_TEST(a_response_to_a_key_elsewhere_is_forwarded_with_its_bytes) {
  Subject s;
  CAF_CHECK(s.find(Subject::answer_for(Subject::key_of(1)), s.answers()) == Way::settled);
  const auto& out = s.slice.outputs();
  CAF_REQUIRE_EQUAL(out.entries.size(), 1u);
  CAF_CHECK(out.entries[0].topic == *s.runtime->returns());
  CAF_CHECK(out.entries[0].partition == PartitionId{1});
  CAF_CHECK_EQUAL(out.value(out.entries[0]), s.batch->records[0].value);
}

CAF_TEST(a_response_that_was_forwarded_is_not_forwarded_again) {
  Subject s;
  CAF_CHECK(s.find(Subject::answer_for(Subject::key_of(1)), *s.runtime->returns()) == Way::misplaced);
  CAF_CHECK(s.slice.outputs().empty());
}

CAF_TEST(a_response_without_its_requesters_key_becomes_a_dead_letter) {
  Subject s;
  CAF_CHECK(s.find(Subject::answer_for(""), s.answers()) == Way::settled);
  CAF_CHECK_EQUAL(s.error_class(), "NoRequesterKey");
}

CAF_TEST(few_misplaced_records_become_dead_letters) {
  Subject s;
  CAF_CHECK(!s.pauses_before(3));
  CAF_CHECK_EQUAL(s.error_class(), "Misplaced");
  CAF_CHECK(!s.failures.waits_until());
}

CAF_TEST(the_partition_pauses_before_many_misplaced_records_and_tells_of_it_once) {
  Subject s;
  CAF_CHECK(s.pauses_before(20));
  CAF_CHECK(s.slice.outputs().empty());
  CAF_CHECK(s.failures.waits_until().has_value());
  CAF_CHECK(s.pauses_before(20));
  CAF_CHECK_EQUAL(s.environment.metrics->pauses.value(), 1u);
  CAF_CHECK_EQUAL(s.environment.metrics->dead_letters.value(), 0u);
}

CAF_TEST(a_pause_before_misplaced_records_stays_after_a_restart_however_few_are_in_hand) {
  Subject s;
  CAF_CHECK(s.pauses_before(20));
  std::vector<StateChange> changes;
  s.failures.book().end_slice(1, changes);
  s.rows->commit(changes);
  Subject next;
  next.rows->rows = s.rows->rows;
  next.failures.rewind();
  next.failures.book().load();
  CAF_CHECK(next.pauses_before(1));
  CAF_CHECK(next.slice.outputs().empty());
}

CAF_TEST(a_pause_ends_with_a_dead_letter_where_the_limit_is_switched_off) {
  std::vector<StateChange> changes;
  Subject s;
  CAF_CHECK(s.pauses_before(20));
  s.failures.book().end_slice(1, changes);
  Subject next([](auto& o) { o.misplaced.records = 0; });
  next.rows->commit(changes);
  next.failures.rewind();
  next.failures.book().load();
  CAF_CHECK(!next.pauses_before(20));
  CAF_CHECK_EQUAL(next.error_class(), "Misplaced");
  CAF_CHECK(next.failures.book().waiting(next.attempt.id) == nullptr);
}

}  // namespace eventy
