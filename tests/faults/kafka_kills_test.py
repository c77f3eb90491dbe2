#!/usr/bin/env python3
# ctest: TIMEOUT 240 KAFKA
"""A node on Kafka is killed at random moments under load, with services of all three guarantees.

    kafka_kills_test.py [TEST]      KILLS=20 and SEED in the environment
"""
import os
import random
import subprocess
import time

import kafka_harness
from kafka_harness import Campaign, Failure, say, shared_bootstrap

KILLS = int(os.environ.get("KILLS", 20))
INSIDE = 5  # kills that must hit the inside of a cycle, at least


def the_judge_can_fail():
    """Each judgement fails on altered data."""
    if subprocess.run([kafka_harness.here / "kafka_verify.py", "--self-check"]).returncode:
        raise Failure("the self-check failed")


def kills_at_random_moments():
    """Each guarantee is kept through kills at random moments under load."""
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(2**32)))
    chance = random.Random(seed)
    say(f"seed {seed}")
    inside = 0
    with Campaign("kills", shared_bootstrap(), services=("exact", "least", "most")) as c:
        with c.load(800):
            for i in range(KILLS):
                node = c.node("a")
                for service in c.services:
                    node.wait_for_cycles(service)
                time.sleep(chance.uniform(0, 0.3))
                hit = node.kill()
                inside += hit
            node = c.node("a")
        numbers = c.finish(node)
    if inside < min(INSIDE, KILLS):
        raise Failure(f"{inside} of {KILLS} kills hit the inside of a cycle, {min(INSIDE, KILLS)} are needed")
    say(f"{KILLS} kills, {inside} inside a cycle; at least once repeated {numbers['repeats']['least']}, "
        f"at most once left out {numbers['inputs'] - numbers['outputs']['most']}")


if __name__ == "__main__":
    kafka_harness.main(the_judge_can_fail, kills_at_random_moments)
