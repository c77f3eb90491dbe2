"""The Python peer's own virtual environment: made in the build tree of what requirements.txt pins, and used again.

Only the first use, and one after a change of the pins, needs a network (or a package index that pip is set up for).
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
build = pathlib.Path(os.environ.get("EVENTY_BUILD_DIR", source / "build/release"))
requirements = here / "requirements.txt"
INSTALL_SECONDS = 240


def interpreter(folder):
    return folder / "bin/python"


def stamp_text():
    return hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()


def run(what, *command):
    try:
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        sys.exit(f"tests/interop: {what}: it took more than {INSTALL_SECONDS} s")
    if done.returncode:
        sys.exit(f"tests/interop: {what}:\n{done.stdout[-3000:]}")


def make(folder):
    """The environment's interpreter. Ends the program with the reason where it cannot be made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    stamp = folder / "complete"
    with open(folder.parent / "environment.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != stamp_text():
            print(f"making the Python peer's environment in {folder}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            run("cannot make a virtual environment (Debian: python3-venv)", sys.executable, "-m", "venv", folder)
            run(f"cannot install the Python peer that {requirements} names; its first use needs a network",
                interpreter(folder), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries",
                1, "--timeout", 20, "--requirement", requirements)
            stamp.write_text(stamp_text())
    return interpreter(folder)


def enter():
    """Goes on with the running script inside the environment."""
    folder = build / "tests/interop/environment"
    if pathlib.Path(sys.prefix) == folder.resolve():
        return
    python = make(folder.resolve())
    os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":  # for scripts: makes it and prints its interpreter on the last line
    print(make((build / "tests/interop/environment").resolve()))
