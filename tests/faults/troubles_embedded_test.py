#!/usr/bin/env python3
# ctest: TIMEOUT 200
"""All goes wrong at the same time, on the embedded store.    KILLS=10, SEED and KEEP in the environment"""
import os

import kafka_harness
import troubles
import troubles_judge
from troubles import Embedded, Failure


def the_judge_can_fail():
    """Each judgement fails on altered data, and finds a service that counts in memory."""
    troubles_judge.self_check()
    try:
        troubles.campaign(Embedded("broken"), 4, broken=True)
    except Failure as failure:
        if "exact: key-" not in str(failure):
            raise
    else:
        raise Failure("the bug was not found")


def all_at_once():
    """Kills, a poisoned key, an outage, little memory and a full disk; all guarantees are kept."""
    troubles.campaign(Embedded("embedded"), int(os.environ.get("KILLS", 10)))


if __name__ == "__main__":
    kafka_harness.main(the_judge_can_fail, all_at_once)
