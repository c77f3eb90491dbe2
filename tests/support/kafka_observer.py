"""Asks a broker through Kafka's own Java client: see KafkaObserver.java for the questions."""
import base64
import collections
import json
import pathlib
import subprocess
import threading

here = pathlib.Path(__file__).resolve().parent
root = here.parents[1]


class Observer:
    """One Java process; its questions one at a time, from any thread."""

    def __init__(self, bootstrap):
        jars = root / "build/kafka/libs"
        self.lock = threading.Lock()
        self.warnings = collections.deque(maxlen=10)  # of the Java client
        self.process = subprocess.Popen(
            ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*",
             f"-Dlog4j2.configurationFile={root / 'config/kafka/log4j2.properties'}", here / "KafkaObserver.java", bootstrap],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *question):
        """The answer's lines as dictionaries."""
        with self.lock:
            self.process.stdin.write("\t".join(map(str, question)) + "\n")
            self.process.stdin.flush()
            answer = []
            for line in self.process.stdout:
                # What the Java client logs goes to standard output as well.
                if not line.startswith("{"):
                    self.warnings.append(line)
                    continue
                found = json.loads(line)
                if "error" in found:
                    raise RuntimeError(f"{question}: {found['error']}\n{''.join(self.warnings)}")
                if "done" in found:
                    return answer
                answer.append(found)
        raise RuntimeError(f"{question}: the observer ended with {self.process.wait()}")

    def records(self, topic, isolation="read_committed"):
        """All records of a topic, in the order of their offsets in each partition; keys and values as bytes."""
        found = self.ask("records", isolation, topic)
        for record in found:
            for name in ("key", "value"):
                record[name] = None if record[name] is None else base64.b64decode(record[name])
        return sorted(found, key=lambda r: (r["partition"], r["offset"]))

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
