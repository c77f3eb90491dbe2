#!/usr/bin/env python3
# ctest: TIMEOUT 120
"""examples/embedded by HTTP: orders in, totals out, also after kill -9; it ends in order; and its use of the library is small."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

SOURCE = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[3]))
PROGRAM = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", SOURCE / "build/release/bin")) / "embedded"
MOST_LINES = 25
failures = 0


def check(what, passed, more=""):
    global failures
    failures += not passed
    print(f"{'ok    ' if passed else 'FAILED'} {what} {more if not passed else ''}", flush=True)


def lines_of_use():
    """The lines of the records and the service, and those of main.cpp that use the node, by statement."""
    folder = SOURCE / "examples/embedded"
    service = [line for line in (folder / "customers.hpp").read_text().splitlines()
               if line.strip() and not line.startswith(("//", "#"))]
    main = re.sub(r"(?m)^//.*$", "", (folder / "main.cpp").read_text())
    return len(service) + sum("eventy::Node node(" in s or re.search(r"\bnode\.", s) is not None for s in main.splitlines())


class Shop:
    def __init__(self, folder):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        (folder / "shop.toml").write_text(f'[store]\npath = "{folder / "data"}"\n[engine]\ncommit_interval_ms = 20\n')
        self.process = subprocess.Popen([PROGRAM, folder / "shop.toml", str(self.port)], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)

    def call(self, path, **form):
        """Status and text; waits until the server listens."""
        data = urllib.parse.urlencode(form).encode() if form else None
        until = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=20) as answer:
                    return answer.status, answer.read().decode().strip()
            except urllib.error.HTTPError as e:
                return e.code, e.read().decode().strip()
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def total(self, customer, wanted):
        """The total, once it is the wanted one, or after a while."""
        until = time.monotonic() + 20
        while (got := self.call(f"/customers/{customer}"))[1] != wanted and time.monotonic() < until:
            time.sleep(0.02)
        return got

    def end(self, number):
        self.process.send_signal(number)
        output = self.process.communicate(timeout=60)[0]
        return self.process.returncode, output


with tempfile.TemporaryDirectory(prefix="eventy-embedded-") as name:
    folder = pathlib.Path(name)
    shop = Shop(folder)
    for _ in range(10):
        answer = shop.call("/orders", customer="ann", cents=25)
    check("an order is stored", answer[0] == 201 and re.fullmatch(r"stored at shop-events/\d+@9", answer[1]), answer)
    check("a bad order is refused", shop.call("/orders", customer="ann", cents=-1)[0] == 400)
    check("the total is there", shop.total("ann", "10 orders, 250 cents") == (200, "10 orders, 250 cents"))
    check("another customer has none", shop.call("/customers/bob") == (200, "0 orders, 0 cents"))
    shop.call("/orders", customer="bob", cents=7)
    shop.end(signal.SIGKILL)
    shop = Shop(folder)
    check("a stored order survives kill -9", shop.total("bob", "1 orders, 7 cents")[1] == "1 orders, 7 cents")
    code, output = shop.end(signal.SIGTERM)
    check("it ends in order", code == 0 and "closed" in output, f"{code}\n{output}")
    broken = subprocess.run([PROGRAM, folder / "missing.toml"], capture_output=True, text=True, timeout=60)
    check("a mistake is said", broken.returncode == 1 and "missing.toml" in broken.stderr + broken.stdout, broken)
used = lines_of_use()
check(f"its use of the library takes at most {MOST_LINES} lines", 15 < used <= MOST_LINES, used)
sys.exit(failures > 0)
