#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 1800 KAFKA
"""All goes wrong at the same time, a hundred kills on each store.    KILLS, SEED and KEEP in the environment"""
import os

import kafka_harness
import troubles
from troubles import Embedded, OnKafka

KILLS = int(os.environ.get("KILLS", 100))
WEEKS = 10  # of flights, so that they last until the last kill


def on_the_embedded_store():
    """A hundred kills, a poisoned key, outages, little memory and full disks on the embedded store."""
    troubles.campaign(Embedded("embedded"), KILLS, weeks=WEEKS)


def on_kafka():
    """The same on Kafka."""
    troubles.campaign(OnKafka("kafka"), KILLS, weeks=WEEKS)


if __name__ == "__main__":
    kafka_harness.main(on_the_embedded_store, on_kafka)
