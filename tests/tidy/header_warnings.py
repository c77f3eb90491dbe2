"""Public headers compile without warnings in a program of a user who has switched on more of them than we have.

Users' compilers show warnings of headers that they include. clang++ reads every public header, and the examples, so that
templates are used; only findings in public headers count. Skipped where no clang++ is installed.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

import project

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion")
FINDING = re.compile(r"^(/[^:\n]+/include/eventy/[^:\n]+:\d+):\d+: (?:warning|error): (.*)$", re.MULTILINE)
ERROR = re.compile(r"^.*(?:fatal )?error: .*$", re.MULTILINE)
SELF_CHECK = """
namespace eventy {
inline int narrow(long value) { return value; }
inline int shadow(int value) { { int value = 2; (void)value; } return value; }
}
"""


def compiler():  # as config/cmake/Clang.cmake
    return next(filter(None, map(shutil.which, ("clang++-16", "clang++"))), None)


def read(clang, source, flags, folder):
    """What clang++ says about one source: findings in public headers, and errors."""
    done = subprocess.run([clang, "-std=c++20", "-fsyntax-only", "-ferror-limit=20", *WARNINGS, *flags, source], cwd=folder,
                          capture_output=True, text=True)
    findings = {f"{place}: {text}" for place, text in FINDING.findall(done.stderr)}
    if done.returncode and not findings:
        findings.add(f"{source}: clang++ cannot compile it: {''.join(ERROR.findall(done.stderr)[:1]) or done.stderr[:500]}")
    return findings


def sources(args):
    """Source, preprocessor flags and folder of each generated list of a room's headers and each source of an example."""
    for entry in json.loads((args.build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if not (path.name.endswith("_headers.cpp") and path.is_relative_to(args.build)
                or path.is_relative_to(args.source / "examples")):
            continue
        words = shlex.split(entry["command"])
        flags = [w for w in words if w.startswith(("-I", "-D"))]
        for at, word in enumerate(words[:-1]):
            if word == "-isystem":
                flags += [word, words[at + 1]]
        yield path, flags, entry["directory"]


def self_check(clang):
    """The rule must see what it exists for."""
    with tempfile.TemporaryDirectory() as folder:
        header = pathlib.Path(folder) / "include/eventy/bad.hpp"
        header.parent.mkdir(parents=True)
        header.write_text(SELF_CHECK)
        source = pathlib.Path(folder) / "bad.cpp"
        source.write_text("#include <eventy/bad.hpp>\n")
        found = read(clang, source, [f"-I{folder}/include"], folder)
        return len(found) == 2


def main():
    args = project.arguments(__doc__)
    clang = compiler()
    if not clang:
        project.skip("header_warnings", "clang++ is not installed")
    if not self_check(clang):
        project.finish("header_warnings", ["the rule does not notice a warning"], "")
    todo = list(sources(args))
    findings = set() if todo else {"no sources were found"}
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for found in pool.map(lambda one: read(clang, *one), todo):
            findings |= found
    project.finish("header_warnings", sorted(findings), f"{len(todo)} sources with {pathlib.Path(clang).name}")


if __name__ == "__main__":
    main()
