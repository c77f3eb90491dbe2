// A LineSource on Bench, on real files: what it hands on while they grow, are rotated, cut short, replaced
// and damaged, also when the process starts again at any moment.
#define CAF_SUITE line_source
#include <caf/test/unit_test.hpp>

#include <random>

#include "lines_fixture.hpp"

using namespace eventy::lines_tests;
using Strings = std::vector<std::string>;

CAF_TEST(follows_a_file_as_it_grows) {
  Fixture f;
  f.append("one\ntwo\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two"}));
  f.append("thr");
  CAF_CHECK_EQUAL(f.taken(), Strings{});
  f.append("ee\n\nfive\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"3 3 three", "4 4 ", "5 5 five"}));
}

CAF_TEST(takes_as_many_lines_in_a_poll_as_it_may) {
  Fixture f({}, 2);
  f.append("a\nb\nc\nd\ne\n");
  f.poll();
  CAF_CHECK_EQUAL(f.count(), 2u);
  f.poll();
  CAF_CHECK_EQUAL(f.count(), 4u);
}

CAF_TEST(goes_on_after_a_restart_where_it_was) {
  Fixture f;
  f.append("one\ntwo\nth");
  f.poll();
  f.restart();
  f.append("ree\nfour\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two", "3 3 three", "4 4 four"}));
}

CAF_TEST(waits_for_a_file_that_is_not_there_yet_or_away_for_a_while) {
  Fixture f;
  CAF_CHECK_EQUAL(f.taken(), Strings{});
  f.append("one\n");
  CAF_CHECK_EQUAL(f.taken(), Strings{"1 1 one"});
  for (const bool restarts : {false, true}) {
    f.rename("inbox", "elsewhere");
    if (restarts) f.restart();
    CAF_CHECK_EQUAL(f.taken(), Strings{});
    f.rename("elsewhere", "inbox");
    f.append("more\n");
    CAF_CHECK_EQUAL(f.taken().size(), 1u);
  }
  CAF_CHECK_EQUAL(f.dead_letters(), Strings{});
}

CAF_TEST(a_line_may_end_in_crlf) {
  Fixture f;
  f.append("one\r\ntwo\r\r\n\r\nf\rour\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 two\r", "3 3 ", "4 4 f\rour"}));
}

CAF_TEST(a_line_that_is_no_text_is_a_dead_letter_with_file_and_line_and_the_others_go_on) {
  Fixture f;
  f.append("one\n\xff\xfe\nthree\n" + std::string("a\0b", 3) + "\nfive\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "3 3 three", "5 5 five"}));
  CAF_CHECK_EQUAL(f.dead_letters(), (Strings{f.path("inbox") + " line 2: the line is not UTF-8",
                                             f.path("inbox") + " line 4: the line has a NUL byte"}));
  CAF_CHECK_EQUAL(f.dead_bytes(0), "\xff\xfe");
}

CAF_TEST(a_line_whose_code_throws_is_a_dead_letter_and_nothing_of_it_is_emitted) {
  Fixture f;
  f.append("one\nthrow\nbroken\nthrow int\nfive\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "5 5 five"}));
  const auto dead = f.dead_letters();
  CAF_REQUIRE_EQUAL(dead.size(), 3u);
  CAF_CHECK_EQUAL(dead[0], f.path("inbox") + " line 2: nobody understands it");
  CAF_CHECK(dead[1].starts_with(f.path("inbox") + " line 3: "));  // what it emitted is not UTF-8
  CAF_CHECK(dead[2].find("exception of type int") != std::string::npos);
}

CAF_TEST(a_record_that_would_be_too_large_is_a_dead_letter) {
  Fixture f({.max_line_bytes = 4u << 20});
  f.append("one\n" + std::string(2u << 20, 'x') + "\nthree\n");
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "3 3 three"}));
  CAF_REQUIRE_EQUAL(f.dead_letters().size(), 1u);
  CAF_CHECK(f.dead_letters()[0].find("line 2: an output of 2097") != std::string::npos);
}

CAF_TEST(memory_that_is_short_is_no_fault_of_the_line) {
  Fixture f;
  f.append("one\nbad_alloc\nthree\n");
  try {
    f.poll();
    CAF_FAIL("it went on");
  } catch (const std::bad_alloc&) {
  }
  CAF_CHECK_EQUAL(f.count(), 0u);
  f.memory_is_short = false;
  CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 one", "2 2 bad_alloc", "3 3 three"}));
}

CAF_TEST(of_a_line_over_the_limit_the_beginning_is_kept_and_the_rest_passed_over) {
  for (const bool restarts : {false, true}) {
    Fixture f({.max_line_bytes = 10});
    f.append("0123456789\n0123456789\r\n0123456789a\nfour\n" + std::string(500'000, 'x'));
    f.poll();
    if (restarts) f.restart();
    f.append(std::string(500'000, 'y'));
    f.poll();
    f.append("\nsix\n");
    CAF_CHECK_EQUAL(f.taken(), (Strings{"1 1 0123456789", "2 2 0123456789", "4 4 four", "6 6 six"}));
    const std::string why = ": the line is longer than 10 bytes; it is cut there";
    CAF_CHECK_EQUAL(f.dead_letters(),
                    (Strings{f.path("inbox") + " line 3" + why, f.path("inbox") + " line 5" + why}));
    CAF_CHECK_EQUAL(f.dead_bytes(1), "xxxxxxxxxx");
  }
}

CAF_TEST(what_is_no_regular_file_or_cannot_be_read_is_an_error_with_its_name) {
  Fixture f;
  std::filesystem::create_directory(f.path("inbox"));
  try {
    f.poll();
    CAF_FAIL("a folder was read");
  } catch (const eventy::Failure& e) {
    CAF_CHECK_EQUAL(std::string(e.what()), "file \"" + f.path("inbox") +
                                               "\" is not a regular file, so its lines cannot be followed");
  }
}

CAF_TEST(each_line_comes_once_whatever_happens_at_random) {
  const auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937 chance(seed);
  Fixture f({}, 3);
  std::uint64_t written = 1;
  f.append("line 1\n");
  f.poll();  // it begins with the file that is there at its first poll
  for (int step = 0; step < 400; ++step) {
    for (auto n = chance() % 4; n > 0; --n) f.append("line " + std::to_string(++written) + "\n");
    switch (chance() % 12) {
      case 0:
        f.rotate_by_rename();
        break;
      case 1:
        f.rotate_by_copy();
        break;
      case 2:
        f.restart();
        break;
      case 3:
        f.clock->advance(std::chrono::seconds(6));
        break;
      default:
        f.poll();
    }
  }
  f.append("line " + std::to_string(++written) + "\n");
  Strings wanted;
  for (std::uint64_t n = 1; n <= written; ++n) wanted.push_back("line " + std::to_string(n));
  CAF_CHECK_EQUAL(f.all_texts(), wanted);
  CAF_CHECK_EQUAL(f.dead_letters(), Strings{});
}
