"""Times the Python implementation on records that another process wrote: each *.in in FOLDER is decoded, and what it is
decoded to encoded to the same name with .out.
usage: peer.py FORMAT FOLDER SCHEMAS PASSES, prints the ns a record of decoding and of encoding: medians of the passes
"""
import pathlib
import statistics
import sys
import time

from eventy.serialization.avro import AvroSerializer
from eventy.serialization.json import JsonSerializer


def timed(call, subjects, passes):
    """What each call returned, and the ns of one: the median of the passes over all of them."""
    times = []
    for _ in range(passes):
        start = time.process_time_ns()
        results = [call(subject) for subject in subjects]
        times.append((time.process_time_ns() - start) / len(subjects))
    return results, statistics.median(times)


def main():
    name, folder, schemas, passes = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    serializer = JsonSerializer() if name == "json" else AvroSerializer.from_schemas_folder(schemas)
    files = sorted(folder.glob("*.in"))
    records, decode = timed(serializer.decode, [file.read_bytes() for file in files], passes)
    encoded, encode = timed(serializer.encode, records, passes)
    for file, data in zip(files, encoded):
        file.with_suffix(".out").write_bytes(data)
    print(decode, encode)


main()
