"""What a value holds, as lines `path=kind:value` in plain ASCII; describe.hpp makes the same lines."""
import base64
import datetime
import re
import struct

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def milliseconds(date):
    """Of a date with an offset, since 1970, without a detour over floats; what is less is cut off."""
    return (date - EPOCH) // datetime.timedelta(milliseconds=1)


def instant(value):
    """A date inside data: milliseconds since 1970, or a text in ISO 8601."""
    return value if isinstance(value, int) else milliseconds(datetime.datetime.fromisoformat(value))


def spelled(name):
    return name if re.fullmatch("[0-9A-Za-z_:-]+", name) else "%" + name.encode().hex()


def scalar(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"i:{value}"
    if isinstance(value, float):
        return "r:" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "t:" + value.encode().hex()
    raise TypeError(f"{value!r} is no JSON value")


def walk(value, path):
    if isinstance(value, dict):
        if not value:
            yield path + "={}"
        for name, inner in value.items():
            yield from walk(inner, path + "." + spelled(name))
    elif isinstance(value, list):
        if not value:
            yield path + "=[]"
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}[{index}]")
    else:
        yield f"{path}={scalar(value)}"


def describe(value):
    return sorted(walk(value, ""))


def describe_sample(sample):
    """Of the vocabulary's Sample: some members have a type that JSON does not have."""
    reals = {"real": float(sample["real"]), "reals": {name: float(real) for name, real in sample["reals"].items()}}
    lines = list(walk({**sample, **reals, "date": None, "bytes": None}, ""))
    lines.remove(".date=null")
    lines.remove(".bytes=null")
    lines.append(f".date=d:{instant(sample['date'])}")
    lines.append(".bytes=b:" + base64.b64decode(sample["bytes"], validate=True).hex())
    return sorted(lines)
