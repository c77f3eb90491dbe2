// What the store keeps beside the records: notes of positions, keys of changelogs, names of logs.
#define CAF_SUITE kafka_notes
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/changelog.hpp"
#include "adapters/kafka/positions.hpp"

namespace eventy::kafka::detail {

CAF_TEST(a note is read as it was written) {
  const auto note = read_note(to_text({"counter-node", "node-7", "0d6a", Offset{42}}));
  CAF_CHECK_EQUAL(note.by, "counter-node");
  CAF_CHECK_EQUAL(note.cycle, "node-7");
  CAF_CHECK_EQUAL(note.log, "0d6a");
  CAF_CHECK_EQUAL(note.log_reached.value, 42);
}

CAF_TEST(a note tells the position and the record that it was written with) {
  const PositionNote note{
      .by = "counter/node/0", .next = Offset{43}, .last = {Offset{41}, 1'700'000'000'000, 0xfedcba98}};
  CAF_CHECK(read_note(to_text(note)).last == note.last);
  CAF_CHECK(read_note(to_text(note)).belongs_to(Offset{43}));
  CAF_CHECK(!read_note(to_text(note)).belongs_to(Offset{44}));  // moved by a tool that kept the note
}

CAF_TEST(a note of an earlier release belongs to its position) {
  const auto note = read_note("eventy/1 by=counter-node-0 cycle=c-1 log=0d6a reached=42");
  CAF_CHECK(note.belongs_to(Offset{7}));
  CAF_CHECK(!note.last.known());
}

CAF_TEST(a mark that is damaged is none) {
  for (const auto* text : {"7", "7:", "7:8", "7:8:", "7:8:x", "x:8:9", "7:8:9x"})
    CAF_CHECK(!read_note(std::string("eventy/1 by=n last=") + text).last.known());
}

CAF_TEST(what is no note of ours reads as an empty one) {
  for (const auto* text : {"", "eventy", "someone else's", "by=x cycle=y"}) {
    const auto note = read_note(text);
    CAF_CHECK(note.by.empty() && note.cycle.empty() && note.log.empty() && !note.belongs_to(Offset{}));
  }
}

CAF_TEST(a key of a changelog is split as it was put together) {
  const auto bytes = changelog_key("state", "a key");
  const auto key = split_changelog_key(bytes);
  CAF_REQUIRE(key.has_value());
  CAF_CHECK(key->keyspace == "state" && key->key == "a key");
  CAF_CHECK(!split_changelog_key(std::string_view(bytes).substr(0, 6)));
  CAF_CHECK(!split_changelog_key("\x01"));
  CAF_CHECK(!split_changelog_key(log_name_key));
}

CAF_TEST(the name of a log is read as it was written and has no inputs without a name) {
  const LogName name{"0d6a", {"a-events", "b-requests"}};
  CAF_CHECK(LogName::read(name.text()).begun == name.begun);
  CAF_CHECK_EQUAL(LogName::read(name.text()).incarnation, "0d6a");
  CAF_CHECK(LogName::read("0d6a\n\n\n").begun.empty());
}

}  // namespace eventy::kafka::detail
