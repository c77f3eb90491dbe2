"""What the scripts of this folder share: the targets, how they are built, what they may use."""

import fcntl
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/fuzz/corpus"
LIMITS = ("-rss_limit_mb=1024", "-malloc_limit_mb=256", "-timeout=10")


def build():
    """Builds the preset fuzz and returns the programs, one a source in targets/."""
    folder = ROOT / "build/fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:  # the two scripts may run at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["cmake", "--preset", "fuzz"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", "--preset", "fuzz"], cwd=ROOT, check=True)
    sources = sorted((ROOT / "tests/fuzz/targets").glob("*.cpp"))
    return [folder / "bin" / f"fuzz_{source.stem}" for source in sources]


def seeds(program):
    return CORPUS / program.name.removeprefix("fuzz_")
