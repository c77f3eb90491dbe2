#!/usr/bin/env python3
"""What is no handler does not compile, and the first thing that the compiler says is what a handler looks like."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from compiling import complaint, first_error  # noqa: E402

SERVICE = """
#include "eventy/service.hpp"
using namespace eventy;
struct Tally {{ std::int64_t n = 0; EVENTY_FIELDS(n); }};
struct Other {{ std::int64_t n = 0; EVENTY_FIELDS(n); }};
struct Clicked {{ std::int64_t n = 0; EVENTY_FIELDS(n); using record = Event<"urn:a", "Clicked", "1.0.0">; }};
struct Done {{ EVENTY_FIELDS(); using record = Response<"urn:a", "Done", "1.0.0">; }};
struct Do {{ EVENTY_FIELDS(); using record = Request<"urn:a", "Do", "1.0.0", Done>; }};
using T = Turn<Tally>;
void handle(T&, const Clicked&) {{}}
Service made() {{ return service<Tally>("s").on({handler}); }}
"""

RIGHT = {
    "an event": "[](T&, const Clicked&) {}",
    "a turn that is only read": "[](const T&, const Clicked&) {}",
    "a handler without state": "at_most_once, [](StatelessTurn&, const Clicked&) {}",
    "a request": "[](RequestTurn<Tally, Do>& turn, const Do&) { turn.respond(Done{}); }",
    "a response": "[](T&, const Reply<Done>&) {}",
    "a function": "at_least_once, handle",
    "a pointer to a function": "&handle",
    "a lambda that does not throw": "[](T&, const Clicked&) noexcept {}",
    "a std::function": "std::function<void(T&, const Clicked&)>(handle)",
}
WRONG = {
    "swapped": "[](const Clicked&, T&) {}",
    "swapped, with a turn that is only read": "[](const Clicked&, const T&) {}",
    "the message by value": "[](T&, Clicked) {}",
    "a message that it may change": "[](T&, Clicked&) {}",
    "a message that it may move from": "[](T&, Clicked&&) {}",
    "a pointer to the message": "[](T&, const Clicked*) {}",
    "the turn by value": "[](T, const Clicked&) {}",
    "the message alone": "[](const Clicked&) {}",
    "the turn alone": "[](T&) {}",
    "nothing": "[] {}",
    "one parameter too many": "[](T&, const Clicked&, int) {}",
    "a turn of another state": "[](Turn<Other>&, const Clicked&) {}",
    "a state that is not there": "at_most_once, [](T&, const Clicked&) {}",
    "a response without Reply": "[](T&, const Done&) {}",
    "a lambda that changes itself": "[n = 0](T&, const Clicked&) mutable { ++n; }",
    "no function": "7",
}


class Handlers(unittest.TestCase):
    def test_right_ones_compile(self):
        for name, handler in RIGHT.items():
            with self.subTest(name):
                self.assertEqual(complaint(SERVICE.format(handler=handler)), "")

    def test_wrong_ones_are_told_what_a_handler_looks_like(self):
        for name, handler in WRONG.items():
            with self.subTest(name):
                error = first_error(SERVICE.format(handler=handler))
                self.assertIn("a handler is callable as const with (Turn<State>&, const Message&)", error)

    def test_a_generic_lambda_names_its_message(self):
        self.assertIn("with a generic lambda, name the message",
                      first_error(SERVICE.format(handler="[](auto& turn, const auto&) { turn.edit(); }")))

    def test_a_message_has_fields_and_a_record(self):
        self.assertIn("a handled type needs EVENTY_FIELDS(...) and using record",
                      first_error(SERVICE.format(handler="[](T&, const Other&) {}")))


if __name__ == "__main__":
    unittest.main()
