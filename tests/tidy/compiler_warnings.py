"""Every source of the project is compiled with all warnings, as errors."""

import json
import pathlib
import shlex

import project

REQUIRED = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
# Each with its reason in config/cmake/EventyCompiler.cmake.
SWITCHED_OFF = {"-Wno-restrict", "-Wno-maybe-uninitialized", "-Wno-error=maybe-uninitialized",
                "-Wno-error=array-bounds"}


def complaints(command):
    """What is wrong with the flags of one compiler command."""
    flags = set(shlex.split(command))
    found = [f"{flag} is missing" for flag in REQUIRED if flag not in flags]
    found += [f"{flag} is not allowed" for flag in sorted(flags)
              if flag == "-w" or flag.startswith("-Wno-") and flag not in SWITCHED_OFF]
    return found


def self_check():
    """The rule must see what it exists for."""
    good = "g++ -Wall -Wextra -Wpedantic -Werror -Wno-restrict -c a.cpp"
    return (not complaints(good) and complaints(good.replace("-Werror", "")) and complaints(good + " -w")
            and complaints(good + " -Wno-error=unused"))


def main():
    args = project.arguments(__doc__)
    commands = json.loads((args.build / "compile_commands.json").read_text())
    findings = []
    checked = 0
    for entry in commands:
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(args.build) or not path.is_relative_to(args.source):
            continue
        checked += 1
        findings += [f"{path.relative_to(args.source)}: {text}" for text in complaints(entry["command"])]
    if not self_check():
        findings.append("the rule does not notice a missing flag")
    if not checked:
        findings.append("no compiler commands were found")
    project.finish("compiler_warnings", findings, f"{checked} compiler commands")


if __name__ == "__main__":
    main()
