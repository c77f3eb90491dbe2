"""The two sides as processes: our program and the peer's application. Each ends with the test, whatever happens."""
import atexit
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading

import environment

here = pathlib.Path(__file__).resolve().parent
PROGRAM = environment.build / "tests/bin/interop"
END_SECONDS = 30
SOMEWHERE_ELSE = {**os.environ, "TZ": "IST-5:30"}  # a date without an offset must not pass for one in UTC


class Process:
    def __init__(self, *command, **options):
        self.process = subprocess.Popen(list(map(str, command)), text=True, env=SOMEWHERE_ELSE, **options)
        atexit.register(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def ended(self):
        return self.process.poll() is not None

    def signal(self, number):
        self.process.send_signal(number)


class Node(Process):
    """Our services, as config/kafka.toml has it."""

    def __init__(self, bootstrap, prefix, partitions, log, *settings):
        self.log = log
        options = ["kafka.bootstrap=" + bootstrap, "kafka.prefix=" + prefix, f"topics.partitions={partitions}"]
        with open(log, "ab") as file:
            super().__init__(PROGRAM, "run", "--config", environment.source / "config/kafka.toml",
                             *[word for option in options + list(settings) for word in ("--set", option)],
                             stdin=subprocess.DEVNULL, stderr=file)

    def why(self):
        return f"our node's exit code is {self.process.poll()}; the end of its log:\n{self.log.read_text()[-3000:]}"

    def stop(self):
        """SIGTERM; its exit code."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS)


class Peer(Process):
    """The Python application. `notes` grows while it runs; every line is whole before it is seen."""

    def __init__(self, bootstrap, prefix, log):
        self.log = log
        self.notes = []
        self.failed = None
        self.answers = queue.Queue()
        with open(log, "ab") as file:
            super().__init__(sys.executable, here / "peer_app.py", "--bootstrap", bootstrap, "--prefix", prefix,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()
        self.wait_for("start")

    def listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "note" in said:
                self.notes.append(said["note"])
            elif "done" in said:
                self.answers.put(said["done"])
            else:
                self.failed = said["failed"]
                self.answers.put(None)

    def why(self):
        return f"the peer's exit code is {self.process.poll()}: {self.failed}\n{self.log.read_text()[-3000:]}"

    def wait_for(self, name):
        if self.answers.get(timeout=2 * END_SECONDS) != name:
            raise RuntimeError(self.why())

    def do(self, name, **arguments):
        self.process.stdin.write(json.dumps({"do": name, **arguments}) + "\n")
        self.process.stdin.flush()
        self.wait_for(name)

    def stop(self):
        """Lets it finish its batch; its exit code."""
        if not self.ended():
            self.process.stdin.close()
        code = self.process.wait(END_SECONDS)
        self.listener.join(END_SECONDS)
        return code
