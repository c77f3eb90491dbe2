"""Records drawn from a seed, as the protocol's JSON, and the .evsc.yaml schemas that they fit."""
import datetime
import random
import struct
import sys
import uuid

from values import EPOCH

FIELDS = """\
  - {name: n, type: long}
  - {name: small, type: int}
  - {name: real, type: double}
  - {name: flag, type: boolean}
  - {name: text, type: string}
  - {name: maybe, type: ["null", string]}
  - {name: list, type: {type: array, items: long}}
  - {name: texts, type: {type: map, values: string}}
  - {name: colour, type: {type: enum, name: Colour, symbols: [red, green]}}
  - name: node
    type:
      type: record
      name: Node
      fields:
        - {name: word, type: string}
        - {name: next, type: ["null", Node]}
"""
KINDS = {"EVENT": "Drawn", "REQUEST": "Draw", "RESPONSE": "Drew"}
TEXTS = ["", " ", "\0", "é", "e\u0301", "\u2028", "\uffff", "\U0001f600", "\U0010ffff", '"\\/\n', "null"]
WHOLE = [0, 1, -1, 63, 64, -64, -65, 2**31 - 1, -2**31, 2**31, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63]
REAL = [0.0, -0.0, 0.1, 1.5, 5e-324, -1e22, sys.float_info.min, sys.float_info.max, -sys.float_info.max]
DATES = [-62135596800000, -1, 0, 1, 253402300799999]


def schema(kind):
    return (f"protocol_version: 3.0.0\nnamespace: urn:my-shop:orders\nname: {KINDS[kind]}\ntype: {kind.lower()}\n"
            f"data_fields:\n{FIELDS}")


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.avoided = {"dates that the peer moves by floats": 0}

    def text(self):
        chance = self.random.random()
        if chance < 0.005:
            return "é\U0001f600" * 20_000
        return "".join(self.random.choices(TEXTS + ["a", "b", "key"], k=self.random.choice((0, 1, 1, 3, 9))))

    def whole(self):
        return self.random.choice(WHOLE + [self.random.randint(-2**63, 2**63 - 1)])

    def real(self):
        return self.random.choice(REAL + [self.random.uniform(-1e9, 1e9)])

    def date(self):
        while True:
            ms = self.random.choice(DATES + [self.random.randint(DATES[0], DATES[-1])])
            date = EPOCH + datetime.timedelta(milliseconds=ms)
            again = datetime.datetime.fromtimestamp(int(date.timestamp() * 1000) / 1000, datetime.timezone.utc)
            if again == date and int(again.timestamp() * 1000) == ms:
                return date
            self.avoided["dates that the peer moves by floats"] += 1

    def node(self):
        node = None
        for _ in range(self.random.choice((1, 1, 2, 5, 25))):
            node = {"word": self.text(), "next": node}
        return node

    def context(self):
        draw = self.random
        # The peer's Avro keeps reals here in 32 bits: only those that fit are drawn.
        narrow = struct.unpack("<f", struct.pack("<f", draw.uniform(-1e6, 1e6)))[0]
        values = [None, True, False, self.whole(), narrow, -0.0, self.text()]
        return {draw.choice(("urn:a", "urn:b-c:d", "")): {self.text(): draw.choice(values) for _ in range(draw.randint(0, 4))}
                for _ in range(draw.randint(0, 3))}

    def data(self):
        draw = self.random
        return {"n": self.whole(), "small": draw.choice((0, -1, 2**31 - 1, -2**31)), "real": self.real(),
                "flag": draw.random() < 0.5, "text": self.text(), "maybe": draw.choice((None, self.text())),
                "list": [self.whole() for _ in range(draw.choice((0, 1, 3, 70)))],
                "texts": {self.text(): self.text() for _ in range(draw.randint(0, 3))},
                "colour": draw.choice(("red", "green")), "node": self.node()}

    def uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def record(self):
        draw, date = self.random, self.date()
        kind = draw.choice(list(KINDS))
        record = {"type": kind, "namespace": "urn:my-shop:orders", "name": KINDS[kind], "protocol_version": "3.0.0",
                  "version": draw.choice(("1.0.0", "1.9.0-rc.1+build")), "source": "urn:my-shop", "uuid": self.uuid(),
                  "correlation_id": "c" + self.text(), "partition_key": draw.choice((None, self.text())),
                  "date_timestamp": (date - EPOCH) // datetime.timedelta(milliseconds=1), "date_iso8601": date.isoformat()}
        refused = kind == "RESPONSE" and draw.random() < 0.3
        if kind == "RESPONSE":
            record |= {"destination": "urn:web", "request_uuid": self.uuid(), "ok": not refused,
                       "error_code": draw.choice((None, -2**31, 409)) if refused else None,
                       "error_message": draw.choice((None, self.text())) if refused else None}
        return record | {"context": self.context(), "data": {} if refused else self.data()}
