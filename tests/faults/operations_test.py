#!/usr/bin/env python3
# ctest: TIMEOUT 400 KAFKA
"""Operations of every kind on nodes at work, each once at least.    SECONDS=20, SEED and KEEP in the environment"""
import os

import kafka_harness
import operations

SECONDS = float(os.environ.get("SECONDS", 20))


def the_judgement_can_fail():
    """On altered data."""
    operations.self_check()


def on_the_embedded_store():
    """Dates that are set, kills, drains, streams without a reader, full disks."""
    operations.on_embedded(SECONDS)


def on_kafka():
    """Joins, leaves, kills, frozen processes, odd records, streams without a reader."""
    operations.on_kafka(SECONDS)


if __name__ == "__main__":
    kafka_harness.main(the_judgement_can_fail, on_the_embedded_store, on_kafka)
