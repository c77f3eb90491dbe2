"""Compiles a snippet like a test of the room service, without what the build makes and without its precompiled header."""
import json
import os
import pathlib
import shlex
import subprocess
import tempfile

BUILD = pathlib.Path(os.environ["EVENTY_BUILD_DIR"])


def compiler():
    entries = json.loads((BUILD / "compile_commands.json").read_text())
    command = next(e["command"] for e in entries if e["file"].endswith("tests/unit/service/upgrade_test.cpp"))
    words = shlex.split(command)
    words = words[next(n for n, word in enumerate(words) if "++" in word):]
    return [word for word in words if word.startswith(("-I", "-D", "-std", "-W")) or word == words[0]] + ["-fsyntax-only"]


def complaint(text):
    """Of the compiler; empty: it compiles."""
    with tempfile.NamedTemporaryFile(suffix=".cpp", mode="w") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([*compiler(), file.name], cwd=BUILD, capture_output=True, text=True, timeout=120)
    return done.stderr if done.returncode else ""


def first_error(text):
    """The first line with an error; empty: it compiles."""
    return next((line for line in complaint(text).splitlines() if "error: " in line), "")
