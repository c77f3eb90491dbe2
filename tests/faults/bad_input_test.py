#!/usr/bin/env python3
# ctest: TIMEOUT 120
"""Bad input of the flights program: each a clear message with its exit code, and nothing lost."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
binary = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "flights"
week = source / "examples/flights/data/week.csv"
failures = []


def flights(*arguments, **options):
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=60, **options)


def run(file, data, *more, **options):
    return flights("run", "--input", file, "--data", data, "--until-idle", *more, **options)


def expect(what, done, code, *texts):
    said = done.stdout + done.stderr
    missing = [t for t in texts if t not in said]
    good = done.returncode == code and not missing
    print("ok    " if good else "FAILED", what)
    if not good:
        failures.append(what)
        print(f"  exit code {done.returncode}, wanted {code}; missing {missing}\n  {said[-1500:]}")


def lines(count):
    with open(week, encoding="utf-8") as f:
        return [next(f) for _ in range(count)]


def main(folder):
    expect("a missing file", run(folder / "absent.csv", folder / "a"), 1, "absent.csv")
    expect("a data folder is not made for it", flights("report", "--data", folder / "a"), 1, str(folder / "a"))

    whole = folder / "week.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as z:
        z.write(week, "flights.csv")
    broken = bytearray(whole.read_bytes())
    broken[len(broken) // 2] ^= 0xFF
    (folder / "broken.zip").write_bytes(broken)
    expect("a damaged zip", run(folder / "broken.zip", folder / "b"), 1, "broken.zip")

    rows = lines(11)
    rows[3] = "2013,7,7\n"
    rows[5] = rows[5].replace("2013,", "MMXIII,", 1)
    (folder / "rows.csv").write_text("".join(rows))
    expect("two bad rows go to the dead letters with their lines", run(folder / "rows.csv", folder / "c"), 0,
           "line 4", "line 6")
    report = json.loads(flights("report", "--data", folder / "c", "--json").stdout)
    expect("the other eight count", subprocess.CompletedProcess([], report["departed"] + report["cancelled"], "", ""), 8)

    expect("an unknown key", run(week, folder / "d", "--set", "store.tpye=embedded"), 78, "tpye", "type")
    (folder / "bad.toml").write_text("[engine]\ncommit_interval_ms = \"soon\"\n")
    expect("a wrong type names file and line", run(week, folder / "d", "--config", folder / "bad.toml"), 78, "bad.toml",
           "2", "commit_interval_ms")

    if os.getuid() == 0:  # root may do everything: as nobody, with a copy of the program that nobody can reach
        with tempfile.TemporaryDirectory(dir="/tmp") as open_to_all:
            os.chmod(open_to_all, 0o755)
            copy, rows_copy = pathlib.Path(open_to_all) / "flights", pathlib.Path(open_to_all) / "week.csv"
            shutil.copy(binary, copy), shutil.copy(week, rows_copy)
            os.chmod(copy, 0o755), os.chmod(rows_copy, 0o644)
            locked = pathlib.Path(open_to_all) / "locked"
            locked.mkdir(mode=0o700)
            done = subprocess.run([copy, "run", "--input", rows_copy, "--data", locked, "--until-idle"], user=65534,
                                  group=65534, cwd="/", capture_output=True, text=True, timeout=60)
            expect("a data folder without permission", done, 1, str(locked))

    node = subprocess.Popen([binary, "run", "--input", week, "--data", folder / "e"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)
    try:
        for line in node.stdout:
            if line.startswith("progress rows=6762"):
                break
        expect("a second node on the same data names the first", run(week, folder / "e"), 1, str(node.pid))
        expect("a report beside a running node", flights("report", "--data", folder / "e", "--json"), 0, '"departed":')
    finally:
        node.terminate()
        node.communicate(timeout=60)
        code = node.returncode
    expect("SIGTERM drains", subprocess.CompletedProcess([], code, "", ""), 0)


with tempfile.TemporaryDirectory(prefix="bad_input.") as temporary:
    main(pathlib.Path(temporary))
sys.exit(1 if failures else 0)
