#!/usr/bin/env python3
# ctest: TIMEOUT 200 KAFKA
"""All goes wrong at the same time, on Kafka.    KILLS=10, SEED and KEEP in the environment"""
import os

import kafka_harness
import troubles
from troubles import OnKafka


def all_at_once():
    """Kills, a poisoned key, an outage, little memory and a full disk; all guarantees are kept."""
    troubles.campaign(OnKafka("kafka"), int(os.environ.get("KILLS", 10)))


if __name__ == "__main__":
    kafka_harness.main(all_at_once)
