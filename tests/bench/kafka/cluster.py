"""The broker of a measurement, places on it, and peers as processes."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import peers

root = peers.root
tool = root / "build/release/tests/bin/bench_kafka"
broker = root / "config/kafka/broker"
STOP_SECONDS = 60


class Broken(Exception):
    """A peer that ended early, was too slow or wrote wrong outputs: no figures."""


def run_tool(*arguments):
    done = subprocess.run([tool, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Broken(done.stderr)
    return done.stdout.split()


def start_tool(*arguments, **options):
    return subprocess.Popen([tool, *map(str, arguments)], text=True, **options)


def ended(pid):
    """Whether it is a process that nobody has waited for yet."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


class Bench:
    """Runs from `with` to its end; nothing of it is left afterwards."""

    def __init__(self, port, folder):
        self.port = port
        self.folder = folder
        self.bootstrap = ""
        self.number = 0
        self.processes = []
        self.bytes = 0  # of an input record

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        started = subprocess.run([broker, "start", "--fresh", "--port", str(self.port), "--folder",
                                  self.folder / "broker"], check=True, stdout=subprocess.PIPE, text=True)
        self.bootstrap = started.stdout.split()[-1]
        self.broker_pid = int((self.folder / "broker/broker-0.pid").read_text())
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.returncode is None:
                process.kill()
                process.wait()
        subprocess.run([broker, "stop", "--folder", self.folder / "broker"], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, peer, records=0, keys=10_000):
        """Topics of their own, filled with so many records."""
        self.number += 1
        place = peers.Place(self.folder, self.bootstrap, f"r{self.number}-")
        run_tool("create", self.bootstrap, place.input, place.output,
                 *([] if peer.makes_changelog else [peer.changelog(place)]))
        if records:
            self.fill(place, records, keys)
        os.sync()
        return place

    def fill(self, place, records, keys=10_000):
        self.bytes = int(run_tool("fill", self.bootstrap, place.input, records, keys)[0])

    def leave(self, peer, place):
        run_tool("drop", self.bootstrap, place.input, place.output, peer.changelog(place))
        shutil.rmtree(place.data, ignore_errors=True)

    def start(self, peer, place):
        command = list(map(str, peer.command(place)))
        with open(place.log, "ab") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        return self.processes[-1]

    def stop(self, process):
        """Its CPU seconds and largest size in MB."""
        os.kill(process.pid, signal.SIGTERM)  # send_signal() would take the status of one that has ended
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
            if time.monotonic() > deadline:
                process.kill()
                deadline += STOP_SECONDS
            time.sleep(0.01)

    def waiter(self, peer, place, seconds):
        """Ends with 0 once the peer has committed all of its input."""
        return start_tool("wait", self.bootstrap, peer.group(place), place.input, place.output, seconds,
                          stderr=subprocess.DEVNULL)

    def wait(self, peer, place, process, seconds):
        waiter = self.waiter(peer, place, seconds)
        while waiter.poll() is None and not ended(process.pid):
            time.sleep(0.005)
        done = waiter.poll() == 0
        waiter.kill()
        waiter.wait()
        if not done:
            self.fail(peer, place, process, "did not commit all of its input")

    def fail(self, peer, place, process, what):
        if process.returncode is None:
            self.stop(process)
        raise Broken(f"{peer.name}: {what}\n{place.log.read_text(errors='replace')[-2000:]}")

    def check(self, peer, place):
        """Judged by Kafka's Java client; how many outputs, the first's and the last one's time in ms at the broker."""
        checked = subprocess.run(peers.check_command(place), capture_output=True, text=True)
        if checked.returncode:
            raise Broken(f"{peer.name}: {checked.stderr}")
        return list(map(int, checked.stdout.split()))
