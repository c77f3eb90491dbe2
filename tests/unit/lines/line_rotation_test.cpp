// What a LineSource does when its file is rotated, cut short, replaced or deleted, while it runs and while it
// does not.
#define CAF_SUITE line_rotation
#include <caf/test/unit_test.hpp>

#include "adapters/lines/rotation.hpp"
#include "lines_fixture.hpp"

using namespace eventy::lines_tests;
using Strings = std::vector<std::string>;

namespace {

// Runs the same once in one process and once with a restart at the place of `restart()`.
template <class Test>
void with_and_without_restart(Test test) {
  for (const bool restarts : {false, true}) {
    CAF_MESSAGE("restarts: " << restarts);
    Fixture f;
    test(f, [&] {
      if (restarts) f.restart();
    });
    CAF_CHECK_EQUAL(f.dead_letters(), Strings{});
  }
}

}  // namespace

CAF_TEST(a_file_that_is_renamed_is_read_to_its_end_and_then_the_new_one) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\ntwo\n");
    f.poll();
    f.append("three\n");
    f.rotate_by_rename();
    f.append("four\n");
    restart();
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "3 3 three", "1 4 four"}));
  });
}

CAF_TEST(a_writer_may_write_to_a_renamed_file_for_a_while) {
  Fixture f;
  f.append("one\n");
  f.poll();
  f.rotate_by_rename();
  f.append("three\n");
  f.poll();
  f.clock->advance(eventy::Duration(4000));
  f.append("two\n", "inbox.1");
  f.poll();
  f.clock->advance(eventy::Duration(4000));
  f.poll();
  CAF_CHECK_EQUAL(f.count(), 2u);  // not quiet for long enough
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "1 3 three"}));
}

CAF_TEST(the_last_line_of_a_renamed_file_may_lack_its_end) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\ntwo\r");
    f.poll();
    f.rotate_by_rename();
    restart();
    f.append("three\n");
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "1 3 three"}));
  });
}

CAF_TEST(several_rotations_at_once_are_read_in_their_order) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\n");
    f.poll();
    f.append("two\n");
    f.rotate_by_rename();
    f.append("three\n");
    f.rotate_by_copy();
    f.append("four\nfive");
    f.rotate_by_rename();
    f.rotate_by_rename();  // an empty one
    f.append("six\n");
    restart();
    CAF_CHECK_EQUAL(f.taken(),
                    (Strings{"1 1 one", "2 2 two", "1 3 three", "1 4 four", "2 5 five", "1 6 six"}));
  });
}

CAF_TEST(rotations_may_have_dates_in_their_names) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\n");
    f.poll();
    f.rename("inbox", "inbox-20260131");
    f.append("two\n");
    f.rename("inbox", "inbox-20260201");
    f.append("not a rotation\n", "inbox-20260201.gz");
    f.append("three\n");
    restart();
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "1 2 two", "1 3 three"}));
  });
  using eventy::lines::is_rotation_of;
  for (const char* name : {"inbox.1", "inbox-20260131", "inbox.2026-01-31T12:00", "inbox.12_3"})
    CAF_CHECK(is_rotation_of("inbox", name));
  for (const char* name :
       {"inbox", "inbox.", "inbox.gz", "inbox.1.gz", "inbox2", "inbo.1", "inbox.bak", "inbox-"})
    CAF_CHECK(!is_rotation_of("inbox", name));
}

CAF_TEST(what_was_not_read_before_a_file_was_copied_and_cut_short_is_read_in_the_copy) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\ntwo\n");
    f.poll();
    f.append("three\nfo");
    f.append("ur\n");
    f.rotate_by_copy();
    f.append("five\n");
    restart();
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "3 3 three", "4 4 four", "1 5 five"}));
  });
}

CAF_TEST(a_file_that_was_cut_short_and_has_grown_beyond_the_old_place_begins_anew) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\n");
    f.poll();
    f.rotate_by_copy();
    f.append("another one\nand more\n");
    restart();
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "1 2 another one", "2 3 and more"}));
  });
}

CAF_TEST(a_copy_of_a_file_of_which_nothing_was_read_is_found_too) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\n");
    f.rotate_by_rename();
    CAF_CHECK_EQUAL(f.taken(), Strings{});  // it is not known yet
    f.append("two\n");
    CAF_CHECK_EQUAL(f.taken(), Strings{"1 1 two"});
    f.rotate_by_rename();
    CAF_CHECK_EQUAL(f.taken(), Strings{});  // the new one is empty
    f.append("three\n");
    f.rotate_by_copy();
    f.append("four\n");
    restart();
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 2 three", "1 3 four"}));
  });
}

CAF_TEST(lines_that_are_lost_are_a_dead_letter_that_says_so) {
  Fixture f;
  f.append("one\ntwo\n");
  f.poll();
  f.append("thr");
  f.poll();
  f.write("");  // without a copy
  f.poll(), f.poll(), f.poll();
  f.append("new\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "1 3 new"}));
  const auto dead = f.dead_letters();
  CAF_REQUIRE_EQUAL(dead.size(), 1u);
  CAF_CHECK(dead[0].starts_with(f.path("inbox") + " line 3: the file was cut short"));
  CAF_CHECK(dead[0].ends_with("3 bytes in between are lost"));
}

CAF_TEST(a_file_that_was_read_to_its_end_and_cut_short_begins_anew_without_a_dead_letter) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\ntwo\n");
    f.poll();
    f.write("new one\n");
    restart();
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "1 3 new one"}));
    f.remove("inbox");
    restart();
    CAF_CHECK_EQUAL(f.taken(), Strings{});
    f.append("newer\n");
    CAF_CHECK_EQUAL(f.taken(), Strings{"1 4 newer"});
  });
}

CAF_TEST(what_was_not_read_of_a_file_before_it_was_deleted_is_read_by_the_running_process) {
  Fixture f;
  f.append("one\n");
  f.poll();
  f.append("two\n");
  f.remove("inbox");
  f.append("three\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "1 3 three"}));
}

CAF_TEST(a_file_that_an_editor_saved_anew_is_gone_on_with) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("one\ntwo\n");
    f.poll();
    f.write("one\ntwo\nthree\n", "temporary");
    f.rename("temporary", "inbox");
    restart();
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "3 3 three"}));
  });
}

CAF_TEST(files_of_equal_content_are_each_read) {
  with_and_without_restart([](Fixture& f, auto restart) {
    f.append("same\nsame\n");
    f.poll();
    f.rotate_by_rename();
    f.append("same\nsame\nsame\n");
    restart();
    CAF_CHECK_EQUAL(f.taken().size(), 5u);
  });
}
