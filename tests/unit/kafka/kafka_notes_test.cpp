// What the store keeps beside the records: notes of positions, keys of changelogs, names of logs.
#define CAF_SUITE kafka_notes
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/changelog.hpp"
#include "adapters/kafka/positions.hpp"

namespace eventy::kafka::detail {

CAF_TEST(a_note_is_read_as_it_was_written) {
  const auto note = read_note(to_text({"counter-node", "node-7", "0d6a", Offset{42}}));
  CAF_CHECK_EQUAL(note.by, "counter-node");
  CAF_CHECK_EQUAL(note.cycle, "node-7");
  CAF_CHECK_EQUAL(note.log, "0d6a");
  CAF_CHECK_EQUAL(note.log_reached.value, 42);
}

CAF_TEST(a_note_tells_the_position_and_the_record_that_it_was_written_with) {
  const PositionNote note{
      .by = "counter/node/0", .next = Offset{43}, .last = {Offset{41}, 1'700'000'000'000, 0xfedcba98}};
  CAF_CHECK(read_note(to_text(note)).last == note.last);
  CAF_CHECK(read_note(to_text(note)).belongs_to(Offset{43}));
  CAF_CHECK(!read_note(to_text(note)).belongs_to(Offset{44}));  // moved by a tool that kept the note
}

CAF_TEST(a_note_of_an_earlier_release_belongs_to_its_position) {
  const auto note = read_note("eventy/1 by=counter-node-0 cycle=c-1 log=0d6a reached=42");
  CAF_CHECK(note.belongs_to(Offset{7}));
  CAF_CHECK(!note.last.known());
}

CAF_TEST(a_mark_that_is_damaged_is_none) {
  for (const auto* text : {"7", "7:", "7:8", "7:8:", "7:8:x", "x:8:9", "7:8:9x"})
    CAF_CHECK(!read_note(std::string("eventy/1 by=n last=") + text).last.known());
}

CAF_TEST(what_is_no_note_of_ours_reads_as_an_empty_one) {
  for (const auto* text : {"", "eventy", "someone else's", "by=x cycle=y"}) {
    const auto note = read_note(text);
    CAF_CHECK(note.by.empty() && note.cycle.empty() && note.log.empty() && !note.belongs_to(Offset{}));
  }
}

CAF_TEST(a_key_of_a_changelog_is_split_as_it_was_put_together) {
  const auto bytes = changelog_key("state", "a key");
  const auto key = split_changelog_key(bytes);
  CAF_REQUIRE(key.has_value());
  CAF_CHECK(key->keyspace == "state" && key->key == "a key");
  CAF_CHECK(!split_changelog_key(std::string_view(bytes).substr(0, 6)));
  CAF_CHECK(!split_changelog_key("\x01"));
  CAF_CHECK(!split_changelog_key(log_name_key));
}

CAF_TEST(the_name_of_a_log_is_read_as_it_was_written_and_has_no_inputs_without_a_name) {
  const LogName name{"0d6a", {"a-events", "b-requests"}};
  CAF_CHECK(LogName::read(name.text()).begun == name.begun);
  CAF_CHECK_EQUAL(LogName::read(name.text()).incarnation, "0d6a");
  CAF_CHECK(LogName::read("0d6a\n\n\n").begun.empty());
}

}  // namespace eventy::kafka::detail
