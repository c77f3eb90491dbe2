"""A reader of the topics that belongs to neither side: plain confluent-kafka, with the partition that the broker
reports for each record."""
import dataclasses
import functools
import json

import confluent_kafka

STRANGE = b"strange/"  # keys of records that must be refused begin so


@dataclasses.dataclass(frozen=True)
class Stored:
    topic: str  # without the prefix
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict

    @functools.cached_property
    def json(self):
        """The record, or {} where the bytes are none."""
        try:
            return json.loads(self.value)
        except ValueError:
            return {}

    @property
    def name(self):
        return self.json.get("name")

    @property
    def data(self):
        return self.json.get("data", {})

    @property
    def place(self):
        return self.topic, self.partition, self.offset


class Observer:
    def __init__(self, bootstrap, prefix, isolation):
        self.prefix = prefix
        self.records = {}  # by topic, in the order they were read
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": bootstrap, "group.id": prefix + "observer", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "isolation.level": isolation, "fetch.wait.max.ms": 20})

    def partitions(self):
        """Of each topic with the prefix; empty while there is none."""
        topics = self.consumer.list_topics(timeout=10).topics.values()
        return {t.topic.removeprefix(self.prefix): len(t.partitions) for t in topics if t.topic.startswith(self.prefix)}

    def observe(self, topics):
        self.records = {topic: [] for topic in topics}
        self.consumer.assign([
            confluent_kafka.TopicPartition(self.prefix + topic, partition, confluent_kafka.OFFSET_BEGINNING)
            for topic, count in self.partitions().items() if topic in topics for partition in range(count)])

    def poll(self, seconds=0.1):
        """Reads on; says whether there was anything."""
        messages = self.consumer.consume(5000, seconds)
        for message in messages:
            if message.error():
                raise RuntimeError(f"the observer cannot read: {message.error()}")
            topic = message.topic().removeprefix(self.prefix)
            self.records[topic].append(Stored(topic, message.partition(), message.offset(), message.key(),
                                              message.value(), dict(message.headers() or [])))
        return bool(messages)

    def end(self, topic, partition):
        """Behind the last record that this isolation shows."""
        place = confluent_kafka.TopicPartition(self.prefix + topic, partition)
        return self.consumer.get_watermark_offsets(place, timeout=10, cached=False)[1]

    def at_end(self):
        return all(place.offset >= self.end(place.topic.removeprefix(self.prefix), place.partition)
                   for place in self.consumer.position(self.consumer.assignment())
                   if self.end(place.topic.removeprefix(self.prefix), place.partition) > 0)

    def named(self, *names):
        """Of those that a reader of the protocol can take."""
        return [record for topic, records in self.records.items() if not topic.endswith("-dead-letters")
                for record in records if record.name in names and not (record.key or b"").startswith(STRANGE)]
