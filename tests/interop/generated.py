"""Records drawn from a seed, as the protocol's JSON, and the .evsc.yaml schemas that they fit."""
import base64
import datetime
import decimal
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
  - {name: single, type: float}
  - {name: raw, type: bytes}
  - {name: hash, type: {type: fixed, name: Hash, size: 4}}
  - {name: day, type: {type: int, logicalType: date}}
  - {name: millis, type: {type: long, logicalType: timestamp-millis}}
  - {name: micros, type: {type: long, logicalType: timestamp-micros}}
  - {name: price, type: {type: bytes, logicalType: decimal, precision: 9, scale: 2}}
  - {name: total, type: {type: fixed, name: Total, size: 8, logicalType: decimal, precision: 18, scale: 4}}
  - {name: grid, type: {type: array, items: {type: array, items: {type: map, values: double}}}}
  - name: choices
    type:
      type: array
      items:
        - "null"
        - double
        - long
        - boolean
        - string
        - {type: record, name: Point, fields: [{name: x, type: int}, {name: y, type: ["null", double, long]}]}
        - {type: record, name: Named, fields: [{name: name, type: string}, {name: point, type: ["null", Point]}]}
        - {type: array, items: Colour}
"""
KINDS = {"EVENT": "Drawn", "REQUEST": "Draw", "RESPONSE": "Drew"}
TEXTS = ["", " ", "\0", "é", "e\u0301", "\u2028", "\uffff", "\U0001f600", "\U0010ffff", '"\\/\n', "null"]
WHOLE = [0, 1, -1, 63, 64, -64, -65, 2**31 - 1, -2**31, 2**31, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63]
REAL = [0.0, -0.0, 0.1, 1.5, 5e-324, -1e22, sys.float_info.min, sys.float_info.max, -sys.float_info.max]
SINGLE = [0.0, -0.0, 1.5, 2.0**-149, -2.0**-126, 2.0**128 - 2.0**104, 2.0**104 - 2.0**128]  # of 32 bits
DAYS = [0, -1, 1, -719162, 2932896, 2**31 - 1, -2**31]
DATES = [-62135596800000, -1, 0, 1, 253402300799999]


# What JSON has no type for: base64 and decimals as texts here, bytes in the peer's Avro. With the digits behind the point.
BYTES, DECIMALS = ("raw", "hash"), {"price": 2, "total": 4}


def decimal_bytes(text, scale, size=None):
    number = int(decimal.Decimal(text).scaleb(scale))
    return number.to_bytes(size or (number if number >= 0 else ~number).bit_length() // 8 + 1, "big", signed=True)


def decimal_text(data, scale):
    return format(decimal.Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-scale), "f")


def to_peers_avro(data):
    if not data:
        return data
    return data | {name: base64.b64decode(data[name]) for name in BYTES} | {
        "price": decimal_bytes(data["price"], DECIMALS["price"]), "total": decimal_bytes(data["total"], DECIMALS["total"], 8)}


def of_peers_avro(data):
    if not data:
        return data
    return data | {name: base64.b64encode(data[name]).decode() for name in BYTES} | {
        name: decimal_text(data[name], scale) for name, scale in DECIMALS.items()}


def schema(kind):
    return (f"protocol_version: 3.0.0\nnamespace: urn:my-shop:orders\nname: {KINDS[kind]}\ntype: {kind.lower()}\n"
            f"data_fields:\n{FIELDS}")


DEEPEST = 30  # with the data and the record around it the 32 levels that we read


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.avoided = {"dates that the peer moves by floats": 0}

    def text(self):
        chance = self.random.random()
        if chance < 0.0001:
            return "huge" * 2**18
        if chance < 0.002:
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
        for _ in range(self.random.choice((1, 1, 2, 5, DEEPEST))):
            node = {"word": self.text(), "next": node}
        return node

    def single(self):
        return self.random.choice(SINGLE + [struct.unpack("<f", struct.pack("<f", self.random.uniform(-1e9, 1e9)))[0]])

    def bytes(self, size):
        return base64.b64encode(self.random.choice((b"\0", b"\xff", b"\x80", self.random.randbytes(1))) * size).decode()

    def decimal(self, digits, scale):
        number = self.random.choice((0, 1, -1, 127, 128, -128, -129, 10**digits - 1, 1 - 10**digits,
                                     self.random.randint(-10**digits + 1, 10**digits - 1)))
        return format(decimal.Decimal(number).scaleb(-scale), "f")

    def point(self):
        return {"x": self.random.choice((0, -1, 2**31 - 1)), "y": self.random.choice((None, self.real(), self.whole()))}

    def choice(self):
        """Each branch of the union."""
        draw = self.random
        return draw.choice((lambda: None, self.real, self.whole, lambda: draw.random() < 0.5, self.text, self.point,
                            lambda: {"name": self.text(), "point": draw.choice((None, self.point()))},
                            lambda: draw.choices(("red", "green"), k=draw.randint(0, 3))))()

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
                "colour": draw.choice(("red", "green")), "node": self.node(), "single": self.single(),
                "raw": self.bytes(draw.choice((0, 1, 2, 3, 300))), "hash": self.bytes(4), "day": draw.choice(DAYS),
                "millis": self.whole(), "micros": self.whole(), "price": self.decimal(9, 2), "total": self.decimal(18, 4),
                "grid": [[{self.text(): self.real()} for _ in range(draw.randint(0, 2))] for _ in range(draw.randint(0, 3))],
                "choices": [self.choice() for _ in range(draw.randint(0, 4))]}

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
