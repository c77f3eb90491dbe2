#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 3000 KAFKA
"""Operations of every kind on nodes at work for half an hour, most of it on Kafka.    SEED and KEEP in the environment"""
import kafka_harness
import operations


def on_the_embedded_store():
    """Ten minutes of them."""
    operations.on_embedded(600)


def on_kafka():
    """Twenty minutes of them."""
    operations.on_kafka(1200)


if __name__ == "__main__":
    kafka_harness.main(on_the_embedded_store, on_kafka)
