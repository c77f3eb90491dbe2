#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 21600 SERIAL
"""The two commands of README.md in a clean root of the other Debian release that the project supports.

As root: makes the root with debootstrap, from the mirror that this machine's apt uses, copies the project's files into it,
and runs examples/flights/run and tests/run there. It prints the minutes that each takes. KEEP=1 keeps the root, and
ROOT=FOLDER uses one that was kept. Skipped, with the reason, where that is not possible.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", HERE.parents[1]))
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tests/tidy"))
import project  # noqa: E402

OTHER = {"bookworm": "trixie", "trixie": "bookworm"}
COMMANDS = ("examples/flights/run", "tests/run")
ROOM_BYTES = 12 << 30  # packages 3 GB, the build 5 GB, data of the tests
PLACE = "/var/tmp"  # where the root is made: not in memory
PROJECT = "eventy"  # the project's folder in the root
TRUST = "trust"  # the folder in the root with whom this machine trusts
KEPT_VARIABLES = re.compile(r"(?i)(https?_proxy|no_proxy|PIP_INDEX_URL|PIP_EXTRA_INDEX_URL|MAVEN_ARGS)$")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def run(*command, **options):
    subprocess.run(list(map(str, command)), check=True, **options)


# ---- what this machine is


def release():
    """The code name of this machine's Debian, or an empty text."""
    with contextlib.suppress(OSError):
        text = pathlib.Path("/etc/os-release").read_text()
        if re.search(r"^ID=debian$", text, re.M):
            return (re.search(r"^VERSION_CODENAME=(\w+)$", text, re.M) or ["", ""])[1]
    return ""


def stanzas(text):
    """The fields of each source in a file of apt's newer format."""
    for block in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        yield {name.lower(): value.split() for name, value in re.findall(r"(?m)^([\w-]+):[ \t]*(.*)$", block)}


def mirrors(folder, suite):
    """Where apt gets `suite` from, by the files in apt's folder, in both of their formats."""
    found = []
    for file in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]:
        if file.exists():
            line = rf"(?m)^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+{suite}\s+(?:\S+\s+)*main\b"
            found += re.findall(line, file.read_text())
    for file in sorted((folder / "sources.list.d").glob("*.sources")):
        for fields in stanzas(file.read_text()):
            if "deb" in fields.get("types", []) and suite in fields.get("suites", []) and "main" in fields.get("components", []):
                found += fields.get("uris", [])
    return [at for at in found if at.startswith(("http://", "https://"))]


def has(mirror, suite):
    with contextlib.suppress(OSError):
        request = urllib.request.Request(f"{mirror.rstrip('/')}/dists/{suite}/InRelease", method="HEAD")
        with urllib.request.urlopen(request, timeout=30):
            return True
    return False


def choose():
    """The other release and the mirror that has it; skips where a root of it cannot be made."""
    here = release()
    if here not in OTHER:
        skip("this is neither Debian 12 nor Debian 13")
    if os.geteuid() != 0:
        skip("it takes root to make a root")
    if not shutil.which("debootstrap"):
        skip("debootstrap is not installed; config/setup installs it")
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode:
        skip("this machine does not let root mount")
    candidates = mirrors(pathlib.Path("/etc/apt"), here)
    if not candidates:
        skip(f"apt's sources name no mirror of {here}")
    mirror = next((at for at in candidates if has(at, OTHER[here])), None)
    if not mirror:
        skip(f"no mirror that apt's sources name answers and has {OTHER[here]}")
    return OTHER[here], mirror


# ---- the root


def in_root(root, *command, cwd="/"):
    """Runs a command with the root as its file system, and ends all that it started when it ends or this script dies."""
    settings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    settings.update({name: value for name, value in os.environ.items() if KEPT_VARIABLES.match(name)})
    authorities, java = root / TRUST / "ca-certificates.crt", root / TRUST / "cacerts"
    if authorities.exists():
        settings.update(dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "CURL_CA_BUNDLE"), f"/{TRUST}/{authorities.name}"))
    if java.exists():
        settings["MAVEN_OPTS"] = f"-Djavax.net.ssl.trustStore=/{TRUST}/{java.name}"
    script = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" sh -c \'cd "$0" && exec "$@"\' "$@"'
    run("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
        "--kill-child", "sh", "-c", script, root, cwd, *command, env=settings)


def make_root(root, suite, mirror):
    run("debootstrap", "--variant=minbase", "--include=ca-certificates,git", suite, root, mirror)
    root.chmod(0o755)  # a temporary folder is closed to others; tests run programs as another user
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    (root / TRUST).mkdir()
    for file in ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/java/cacerts"):
        if os.path.exists(file):
            shutil.copy(file, root / TRUST)


def copy_project(root):
    """The files as they are now, committed or not, as a clone."""
    to = root / PROJECT
    shutil.rmtree(to, ignore_errors=True)
    for name in project.files(SOURCE):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(SOURCE / name, to / name)
    for command in (["init", "-q"], ["add", "-A"],
                    ["-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-q", "-m", "The files of this test"]):
        in_root(root, "git", *command, cwd=f"/{PROJECT}")


def self_check():
    """The mirror must be found in both formats, and only that of the release itself."""
    with tempfile.TemporaryDirectory() as folder:
        apt = pathlib.Path(folder)
        (apt / "sources.list.d").mkdir()
        (apt / "sources.list").write_text("# deb http://off/ trixie main\ndeb [signed-by=/k] http://one/debian trixie contrib main\n"
                                          "deb http://two/ trixie-updates main\ndeb cdrom:[x]/ trixie main\n")
        (apt / "sources.list.d/a.sources").write_text("Types: deb\n# Suites: trixie\nURIs: http://three/\nSuites: other\n"
                                                      "Components: main\n\nTypes: deb deb-src\nURIs: http://four/debian\n"
                                                      "Suites: trixie trixie-updates\nComponents: main\n")
        found = mirrors(apt, "trixie")
        if found != ["http://one/debian", "http://four/debian"]:
            sys.exit(f"found the mirrors {found}")


def main():
    self_check()
    suite, mirror = choose()
    if shutil.disk_usage(PLACE).free < ROOM_BYTES:
        skip(f"{PLACE} has less than {ROOM_BYTES >> 30} GiB of room")
    given = os.environ.get("ROOT")
    root = pathlib.Path(given) if given else pathlib.Path(tempfile.mkdtemp(prefix=f"eventy-{suite}.", dir=PLACE))
    try:
        if not (root / TRUST).exists():
            make_root(root, suite, mirror)
        copy_project(root)
        for command in COMMANDS:
            began = time.monotonic()
            in_root(root, command, cwd=f"/{PROJECT}")
            print(f"{suite}: {command} took {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
    finally:
        if given or os.environ.get("KEEP"):
            print(f"the root is kept in {root}", flush=True)
        else:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
