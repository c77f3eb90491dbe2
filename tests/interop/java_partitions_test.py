#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 240
"""Keys that Java's producer and we write to topics whose partitioner is murmur2 lie in the same partitions.

    tests/interop/java_partitions_test.py     with EVENTY_KAFKA=HOST:PORT of a broker (config/kafka/broker start)
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
build = pathlib.Path(os.environ.get("EVENTY_BUILD_DIR", source / "build/release"))
sys.path.insert(0, str(source / "tests/support"))
from kafka_observer import Observer  # noqa: E402

BOOTSTRAP = os.environ.get("EVENTY_KAFKA", "127.0.0.1:19092")
PREFIX = f"java-partitions-{os.getpid()}-{int(time.time())}-"
PARTITIONS = 13  # not a power of two, so that more of the hash counts
KEYS = 4000
LONGEST = 40  # bytes of a key


def random_keys(chance):
    """Of any bytes, all lengths from 0 on: the hash takes four at a time, and the rest apart."""
    keys = {b""}
    while len(keys) < KEYS:
        keys.add(chance.randbytes(chance.randrange(LONGEST + 1)))
    return list(keys)


def write_ours(topic, keys, partitioner):
    with tempfile.NamedTemporaryFile("w") as file:
        file.writelines(key.hex() + "\n" for key in keys)
        file.flush()
        settings = {"kafka.bootstrap": BOOTSTRAP, "kafka.prefix": PREFIX, "topics.partitions": PARTITIONS,
                    f"partitioners.{topic}": partitioner}
        subprocess.run([build / "tests/bin/interop", "write-keys", "--topic", topic, "--keys", file.name, "--config",
                        source / "config/kafka.toml",
                        *[word for key, value in settings.items() for word in ("--set", f"{key}={value}")]], check=True)


def write_theirs(observer, topic, keys):
    observer.ask("create", PREFIX + topic, PARTITIONS)
    with tempfile.NamedTemporaryFile("w") as file:
        file.writelines(key.hex() + "\n" for key in keys)
        file.flush()
        observer.ask("spread", PREFIX + topic, file.name)


def main():
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed}", flush=True)
    keys = random_keys(random.Random(seed))
    with Observer(BOOTSTRAP) as observer:
        def places(topic):
            found = {record["key"]: record["partition"] for record in observer.records(PREFIX + topic)}
            if set(found) != set(keys):
                sys.exit(f"{topic} holds {len(found)} of {len(keys)} keys")
            return found

        write_theirs(observer, "theirs", keys)
        write_ours("murmur2", keys, "murmur2")
        write_ours("crc32", keys, "crc32")
        theirs, ours, other = places("theirs"), places("murmur2"), places("crc32")
    wrong = [key for key in keys if ours[key] != theirs[key]]
    for key in wrong[:10]:
        print(f"key {key.hex()!r}: Java has it in partition {theirs[key]}, we in {ours[key]}")
    moved = sum(other[key] != theirs[key] for key in keys)
    print(f"{len(keys)} keys over {len(set(theirs.values()))} of {PARTITIONS} partitions: {len(wrong)} differ; by crc32 "
          f"{moved} would")
    # Else the comparison could not fail.
    sys.exit(bool(wrong) or moved < KEYS / 2 or len(set(theirs.values())) != PARTITIONS)


if __name__ == "__main__":
    main()
