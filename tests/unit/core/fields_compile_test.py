#!/usr/bin/env python3
"""EVENTY_FIELDS names every member once, or the type does not compile where it is used, and the compiler says why."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from compiling import complaint, first_error  # noqa: E402

HEAD = """
#include "eventy/core/record_schema.hpp"
#include "eventy/service.hpp"
using namespace eventy;
enum class Colour : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }
struct Empty {};
struct Leg { std::string dest; std::optional<std::int64_t> km; EVENTY_FIELDS(dest, km); };
"""
WRITTEN = "void use(Writer& w, const Subject& s) { write(w, s); }"
READ = "void use(Reader& r, Subject& s) { read(r, s, Absent::is_error); }"
RECORD = 'struct Subject { %s using record = Event<"urn:a", "S", "1.0.0">; };\n'
FORGOTTEN = RECORD % "int a = 0, b = 0; EVENTY_FIELDS(a);"
USES = {
    "written": WRITTEN,
    "read": READ,
    "described": "auto use() { return record_schema<Subject>(); }",
    "handled": 'Service use() { return service<>("s").on([](StatelessTurn&, const Subject&) {}); }',
    "emitted": "void use(StatelessTurn& turn) { turn.emit(Subject{}); }",
    "a state": 'auto use() { return service<Subject>("s"); }',
    "a position": 'Service use() { return service<>("s").source<Subject>("f", [](Poll<Subject>&) {}); }',
    "within another": "struct Outer { std::vector<Subject> all; EVENTY_FIELDS(all); };\n"
                      "void use(Writer& w, const Outer& o) { write(w, o); }",
}
EVERY_TYPE = """
struct Subject {
  bool yes = false; std::int8_t tiny = 0; std::uint64_t large = 0; float single = 0; double real = 0; Colour colour{};
  std::string text; std::string_view view; Instant at{}; std::vector<std::byte> raw; std::vector<bool> flags;
  std::optional<std::int64_t> maybe; std::optional<std::string> note; std::optional<std::optional<Leg>> leg;
  std::vector<Leg> legs; std::map<std::string, Leg> by_name; Value any; ValueMap map; Leg inner; ReplyTo reply_to;
  std::vector<Subject> children; std::optional<Instant> until; std::optional<std::vector<std::byte>> maybe_raw;
  EVENTY_FIELDS(yes, tiny, large, single, real, colour, text, view, at, raw, flags, maybe, note, leg, legs, by_name,
                any, map, inner, reply_to, children, until, maybe_raw %s);
  %s
};
"""


def of_many(members, named):
    names = [f"m{n}" for n in range(members)]
    return f"struct Subject {{ int {', '.join(names)}; EVENTY_FIELDS({', '.join(names[:named])}); }};\n"


class Fields(unittest.TestCase):
    def says(self, error, subject, use=WRITTEN):
        self.assertIn(error, first_error(HEAD + subject + use))

    def compiles(self, subject, use=WRITTEN):
        self.assertEqual(complaint(HEAD + subject + use), "")

    def test_every_member_is_named_in_any_order(self):
        self.compiles("struct Subject { int a = 0; std::string b; EVENTY_FIELDS(b, a); };")
        self.compiles("struct Subject { EVENTY_FIELDS(); };")
        self.compiles("struct Subject { static constexpr int limit = 3; int a = 0; EVENTY_FIELDS(a); };")
        self.compiles("void local(Writer& w) { struct Local { Leg a; EVENTY_FIELDS(a); }; write(w, Local{}); }", "")

    def test_members_of_every_type_count(self):
        self.compiles(EVERY_TYPE % ("", ""), WRITTEN + READ.replace("use", "use_it"))
        for member in ("int last = 0;", "std::optional<Leg> last;", "Value last;", "Empty last;", "std::string last = {};"):
            with self.subTest(member):
                self.says("EVENTY_FIELDS does not name every member", EVERY_TYPE % ("", member))

    def test_a_forgotten_member_wherever_the_type_is_used(self):
        for name, use in USES.items():
            with self.subTest(name):
                self.says("EVENTY_FIELDS does not name every member", FORGOTTEN, use)

    def test_a_forgotten_member_in_any_place(self):
        for named in ("", "b", "a", "a, c"):
            with self.subTest(named):
                self.says("EVENTY_FIELDS does not name every member",
                          f"struct Subject {{ std::optional<Leg> a; Leg b; std::string c; EVENTY_FIELDS({named}); }};\n")

    def test_the_most_members(self):
        self.compiles(of_many(64, 64), WRITTEN + READ.replace("use", "use_it"))
        self.says("EVENTY_FIELDS does not name every member", of_many(64, 63))
        self.says("EVENTY_FIELDS does not name every member", of_many(65, 64))

    def test_a_member_that_is_named_twice(self):
        for macro in ("EVENTY_FIELDS", "EVENTY_FIELDS_SOME"):
            self.says("names a member twice", f"struct Subject {{ int a = 0, b = 0; {macro}(a, b, a); }};\n")
        self.says("names a member twice", "struct Subject { int a = 0, b = 0; EVENTY_FIELDS(a, a); };\n")

    def test_what_cannot_be_counted_is_told_of_the_other_macro(self):
        for error, subject in (
                ("a type with private members or constructors", "{ int a = 0; EVENTY_FIELDS(a); private: int b = 0; }"),
                ("a type with private members or constructors", "{ Subject() {} int a = 0; EVENTY_FIELDS(a); }"),
                ("a type with a base", ": Leg { int a = 0; EVENTY_FIELDS(a); }"),
                ("a type with a base", ": Empty { int a = 0; EVENTY_FIELDS(a); }"),
                ("has the EVENTY_FIELDS of its base", ": Leg { int a = 0; }")):
            with self.subTest(subject):
                said = first_error(HEAD + f"struct Subject {subject};\n" + WRITTEN)
                self.assertIn(error, said)
                self.assertIn("EVENTY_FIELDS_SOME(...)", said)

    def test_some_members(self):
        for subject in ("{ int a = 0, b = 0; EVENTY_FIELDS_SOME(b); }", "{ int a = 0; EVENTY_FIELDS_SOME(); }",
                        "{ EVENTY_FIELDS_SOME(a); private: int a = 0; }", ": Leg { int a = 0; EVENTY_FIELDS_SOME(dest, a); }",
                        "{ Subject() {} int a = 0; EVENTY_FIELDS_SOME(a); }"):
            with self.subTest(subject):
                self.compiles(f"struct Subject {subject};\n", WRITTEN + READ.replace("use", "use_it"))


if __name__ == "__main__":
    unittest.main()
