"""What the peer sends: the edges of every type of JSON, and keys of odd content."""
import base64
import random
import sys
import unicodedata

TO_REFUSE = 100
REFUSALS = {100: (-(2**63), 'no "\U0001f600"\n'), 101: (None, None)}

EVERY_CHARACTER = ("".join(map(chr, range(0x20)))
                   + "\x7f\"\\/ \x80 é \u07ff \u0800 \u2028\u2029 \uffff "
                   + "\U00010000 \U0001f600 \U0010ffff e\u0301 \u05e9\u05dc")


def sample(number, **members):
    plain = {"number": number, "absent": None, "flag": False, "least": 0, "most": 0, "largest": 0, "real": 0.0,
             "text": "", "date": "1970-01-01T00:00:00+00:00", "list": [], "reals": {},
             "nested": {"word": "", "numbers": [], "labels": {}}, "nesteds": [], "colour": "red", "bytes": "",
             "anything": None}
    unknown = set(members) - set(plain)
    assert not unknown, unknown
    return {**plain, **members}


def nested(depth):
    value = "bottom"
    for level in range(depth):
        value = [value, level] if level % 2 == 0 else {"": value, "a.b\né": level}
    return value


SAMPLES = [
    sample(0),
    sample(1, least=-2**63, most=2**63 - 1, real=5e-324, date="0001-01-01T00:00:00+00:00",
           reals={"zero": 0.0, "minus zero": -0.0, "lowest": -sys.float_info.max, "least": sys.float_info.min},
           anything=[-2**63, -0.0, -sys.float_info.max]),
    sample(2, flag=True, least=-2**53 - 1, most=2**53 + 1, largest=2**64 - 1, real=sys.float_info.max,
           date="9999-12-31T23:59:59.999000+00:00", reals={"third": 1 / 3, "tenth": 0.1, "whole": 1000, "large": 1e22},
           colour="green", anything=[2**64 - 1, 2**63 - 1, sys.float_info.max, 1.0]),
    sample(3, absent="", text=EVERY_CHARACTER, date="1969-12-31T23:59:59.999Z",
           list=["", " ", "\\u0041", "null", '{"a":1}', "\0", "x" * 5000],
           nested={"word": EVERY_CHARACTER, "numbers": [0, -1, 1],
                   "labels": {"": "empty name", "with.dot": "\n", "\U0001f600": '"'}},
           bytes=base64.b64encode(bytes(range(256))).decode(), anything="€"),
    sample(4, text="deep", real=3, date="2026-01-02T06:34:05.678999+05:30",
           nesteds=[{"word": "one", "numbers": [], "labels": {}},
                    {"word": "", "numbers": [1, 2, 3], "labels": {"a": ""}}],
           anything=nested(20)),
    sample(5, date="2026-01-02T01:04:05.670-11:45", anything={}),
    sample(6, date=1_000_000_000_000, anything={"list": [], "no": False, "null": None}),
]

CONTEXTS = [
    {},
    {"urn:peer": {"null": None, "yes": True, "no": False, "most": 2**63 - 1, "least": -2**63, "real": 0.1,
                  "text": EVERY_CHARACTER, "empty": ""}},
    {"urn:else": {"a": 1}, "urn:interop": {"kept": "from before"}, "urn:empty": {}, "": {"": ""}},
]

# Lines of a description that each kind of record must carry in each direction, so that no sample is lost in silence.
EDGES = [".absent=null", ".absent=t:", ".flag=true", f".least=i:{-2**63}", f".most=i:{2**63 - 1}",
         f".largest=i:{2**64 - 1}", ".real=r:0000000000000001", ".real=r:7fefffffffffffff",
         ".reals.%6d696e7573207a65726f=r:8000000000000000", ".list=[]", ".list[5]=t:00", ".reals={}", ".anything={}",
         ".anything.list=[]", ".nested.labels.%f09f9880=t:22", ".text=t:" + EVERY_CHARACTER.encode().hex(),
         ".date=d:-62135596800000", ".date=d:253402300799999", ".date=d:-1", ".date=d:1767315845678",
         ".bytes=b:" + bytes(range(256)).hex(), ".anything[1]=r:8000000000000000"]


def odd_keys(count, seed):
    """Different ones, without the empty key: controls, quotes, every length, all ptasks of Unicode."""
    draw = random.Random(seed)
    keys = ["\0", " ", "/", '"', "\\", "\n", "null", "-1", "k" * 10_000, "\U0010ffff" * 100,
            unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é"), "\u05e9\u05dc", EVERY_CHARACTER,
            "%00", "a\0b", "\ufeff", "key"]
    ranges = [(0, 0x7f), (0x80, 0x7ff), (0x800, 0xd7ff), (0xe000, 0xffff), (0x10000, 0x10ffff)]
    found = dict.fromkeys(keys)
    while len(found) < count:
        length = draw.choice((1, 2, 3, 7, 8, 9, 40, 300))
        found["".join(chr(draw.randint(*draw.choice(ranges))) for _ in range(length))] = None
    return list(found)
