"""Reads what ThreadSanitizer reported, and tells what is false for a reason that is known from what is left.

Its own suppressions look at every frame of a stack, so one of a library would hide all that is called from there, as the
callbacks of librdkafka. A line of suppressions.txt is looked for in the innermost frame of each of the two accesses only,
past the interceptors of the sanitizer and of hidden_edges.cpp, and past the standard library: a library may run the copy of a
template that lies in our program.
"""
import re

BETWEEN = re.compile(r"\((libtsan|libhidden_edges)\.so[^)]*\)$| /usr/include/c\+\+/")
ACCESS = re.compile(r"^  (?:Previous )?(?:atomic )?(?:[Rr]ead|[Ww]rite) of size|^  As if synchronized|^  Mutex|^  Thread|^  Location")


def suppressions(path):
    """What each line that is no comment names."""
    return [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


def reports(text):
    """Each report without its rulers."""
    return [part.strip("\n") for part in text.split("==================") if "WARNING: ThreadSanitizer" in part]


def innermost(report):
    """The innermost frame of each of the accesses, past what lies between."""
    frames, open_stack = [], False
    for line in report.splitlines():
        if ACCESS.match(line):
            open_stack = bool(re.match(r"^  (Previous )?(atomic )?([Rr]ead|[Ww]rite)", line))
        elif open_stack and (frame := re.match(r"^    #\d+ (.*)$", line)) and not BETWEEN.search(frame[1]):
            frames.append(frame[1])
            open_stack = False
    return frames


def is_false(report, known):
    return any(name in frame for frame in innermost(report) for name in known)


def self_check():
    """Shows that a race of ours beside a library's is still seen."""
    access = "  Write of size 8 at 0x1 by thread T1:\n    #0 free ../x.cpp:1 (libtsan.so.2+0x1)\n    #1 {} ({})\n"
    other = "\n  Previous read of size 8 at 0x1 by thread T2:\n    #0 ours /a.cpp:1 (node+0x1)\n    #1 <null> <null> (libother.so+0x1)\n"
    of_library = "WARNING: ThreadSanitizer: data race\n" + access.format("<null> <null>", "libother.so+0x2") + other
    of_ours = "WARNING: ThreadSanitizer: data race\n" + access.format("mine /b.cpp:2", "node+0x2") + other
    assert reports(f"==================\n{of_library}\n==================\n{of_ours}\n==================\n") == [
        of_library.strip("\n"), of_ours.strip("\n")]
    assert innermost(of_ours) == ["mine /b.cpp:2 (node+0x2)", "ours /a.cpp:1 (node+0x1)"]
    assert is_false(of_library, ["libother.so"]) and not is_false(of_ours, ["libother.so"])
    copied = "std::copy(char*) /usr/include/c++/12/bits/x.h:1 (node+0x3)\n    #2 {}"
    by_library, by_ours = (text.replace("#1 ", "#1 " + copied.format(""), 1) for text in (of_library, of_ours))
    assert is_false(by_library, ["libother.so"]) and not is_false(by_ours, ["libother.so"])
    assert innermost(by_ours)[0] == "mine /b.cpp:2 (node+0x2)"
