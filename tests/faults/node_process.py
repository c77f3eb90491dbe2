"""A node as a process: its output is read as it comes, it can be killed, and it is waited for.

What is wrong is raised as Failure.
"""
import collections
import os
import re
import signal
import subprocess
import threading
import time

CYCLE = re.compile(r"\bcycle (begin|committed) (\S+) (\d+)")
ABORTED = re.compile(r"service (\S+): cycle (\d+) was aborted")
STEP = re.compile(r"^(killed|held) at (\w+)$")


class Failure(Exception):
    """A campaign failed; the text says why."""


def wait_until(condition, seconds, what):
    """Returns the first true value of condition(), asked again and again."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"{what() if callable(what) else what}: not within {seconds:g} s")
        time.sleep(0.02)
    return value


def say(text):
    print(text, flush=True)


class Process:
    """One process of a node, at log level trace, its output read by two threads and kept in a file."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
        self.lines, self.fired = [], None
        self.open_cycles = collections.Counter()  # (service, number): begun, and not known as committed or aborted
        self.committed = collections.Counter()  # cycles of a service
        self.aborted = collections.Counter()
        self.log_file = open(log, "w")
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace",
                                        env={**os.environ, **(environment or {})})
        self.readers = [threading.Thread(target=self.read, args=(stream,), daemon=True)
                        for stream in (self.process.stdout, self.process.stderr)]
        for reader in self.readers:
            reader.start()

    def read(self, stream):
        for line in stream:
            self.log_file.write(f"{time.time():.3f} {line}")
            self.log_file.flush()
            self.take(line.rstrip("\n"))

    def take(self, line):
        self.lines.append(line)
        if match := CYCLE.search(line):
            key = match[2], int(match[3])
            if match[1] == "begin":
                self.open_cycles[key] += 1
            else:
                self.open_cycles.pop(key, None)
                self.committed[match[2]] += 1
        elif match := ABORTED.search(line):
            self.open_cycles.pop((match[1], int(match[2])), None)
            self.aborted[match[1]] += 1
        elif match := STEP.match(line):
            self.fired = match[2]

    def alive(self):
        return self.process.poll() is None

    def wait_for(self, condition, seconds, what):
        """Until condition(), and fails at once if the process ends before."""
        def check():
            if condition():
                return True
            if not self.alive():
                raise Failure(f"node {self.name} ended with {self.process.returncode} before {what}\n{self.tail()}")
            return False
        wait_until(check, seconds, lambda: f"node {self.name}: {what}\n{self.tail()}")

    def wait_for_cycles(self, service, more=1, seconds=30):
        wanted = self.committed[service] + more
        self.wait_for(lambda: self.committed[service] >= wanted, seconds, f"{more} cycles of {service}")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """SIGKILL; fails if the process had ended before. Whether it hit the inside of a cycle."""
        if not self.alive():
            raise Failure(f"node {self.name} had ended with {self.process.returncode} before its kill\n{self.tail()}")
        self.process.kill()
        self.join()
        if self.process.returncode != -signal.SIGKILL:
            raise Failure(f"node {self.name} ended with {self.process.returncode} at its kill")
        return bool(self.open_cycles)

    def drain(self, seconds=40):
        """SIGTERM, and the end in order: with exit code 0, or at once when it had not begun to work."""
        self.signal(signal.SIGTERM)
        self.wait_end(None, seconds)
        # Before it has taken over its signals, and said a word, the signal itself ends it.
        if self.process.returncode not in (0, 128 + signal.SIGTERM) and (
                self.process.returncode != -signal.SIGTERM or self.said("")):
            raise Failure(f"node {self.name} ended with {self.process.returncode} after SIGTERM\n{self.tail()}")

    def wait_end(self, code, seconds=40):
        wait_until(lambda: not self.alive(), seconds, lambda: f"node {self.name} does not end\n{self.tail()}")
        self.join()
        if code is not None and self.process.returncode != code:
            raise Failure(f"node {self.name} ended with {self.process.returncode} instead of {code}\n{self.tail()}")

    def join(self):
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self.log_file.close()

    def said(self, text):
        return [line for line in list(self.lines) if text in line]

    def tail(self, count=12):
        told = [line for line in list(self.lines) if " trace " not in line]
        return "".join(f"    {line}\n" for line in (told or self.lines)[-count:])
