"""What the rules of this folder share: their arguments, the project's files, how findings are reported."""

import argparse
import pathlib
import subprocess
import sys


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--source", type=pathlib.Path, default=root, help="the project's root")
    parser.add_argument("--build", type=pathlib.Path, default=root / "build/release", help="a build tree")
    return parser.parse_args()


def files(source):
    """The project's files, relative to source: tracked, or new and not ignored; every file where git cannot tell."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", source, "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"], capture_output=True)
    if listing.returncode == 0:
        names = {pathlib.Path(name) for name in listing.stdout.decode().split("\0") if name}
    else:
        names = {path.relative_to(source) for path in source.rglob("*")}
        names = {name for name in names if not name.parts[0].startswith(("build", "install", ".git"))}
    return sorted(name for name in names if (source / name).is_file())


def skip(rule, reason):
    """Ends the program as skipped, with a line that says why."""
    print(f"{rule}: skipped: {reason}")
    sys.exit(77)


def finish(rule, findings, passed):
    """Ends the program: 1 with the findings, or 0 with a line that says what was looked at."""
    if findings:
        for finding in findings:
            print(f"{rule}: {finding}", file=sys.stderr)
        sys.exit(1)
    print(f"{rule}: {passed}")
    sys.exit(0)
