"""Every .cpp and .hpp file has the layout of .clang-format, and the project's root holds only what belongs there."""

import shutil
import subprocess

import project

TOP_LEVEL = {
    "CHANGELOG.md", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
    "actors", "adapters", "config", "examples", "runtime", "tests",
}
FORMATTER = "clang-format-16"


def strangers(names):
    """Entries of the root that are neither listed nor begin with a dot."""
    entries = {name.parts[0] for name in names}
    return sorted(entry for entry in entries if entry not in TOP_LEVEL and not entry.startswith("."))


def check_layout(source, names):
    result = subprocess.run(
        [FORMATTER, "--dry-run", "-Werror", "--style=file", *names], cwd=source, capture_output=True, text=True)
    return [] if result.returncode == 0 else result.stderr.splitlines() or ["clang-format failed"]


def formatter_notices_bad_layout(source):
    result = subprocess.run(
        [FORMATTER, "--dry-run", "-Werror", "--style=file", "--assume-filename=x.cpp"], cwd=source,
        input="int  main( ){return 0 ;}\n", capture_output=True, text=True)
    return result.returncode != 0


def main():
    args = project.arguments(__doc__)
    names = project.files(args.source)
    sources = [str(name) for name in names if name.suffix in (".cpp", ".hpp")]
    findings = [f"{entry}: does not belong into the project's root" for entry in strangers(names)]
    if not sources:
        findings.append("no source files were found")
    elif not shutil.which(FORMATTER):
        if not findings:
            project.skip("format", f"{FORMATTER} is not installed, and other versions lay out differently")
    elif not formatter_notices_bad_layout(args.source):
        findings.append("the formatter accepts a badly laid out line")
    else:
        findings += check_layout(args.source, sources)
    project.finish("format", findings, f"{len(sources)} files")


if __name__ == "__main__":
    main()
