"""No source or header reaches a header that its room must not see.

The distribution puts every header into one folder, so a wrong include compiles. The build knows better: the
dependency log of ninja lists, for every object file, each header that was read for it, also indirectly.
"""

import os
import pathlib
import re
import subprocess

import project

# For each room: the rooms (or whole folders of them) and the outside libraries that it may see, besides itself.
ROOMS = {
    "runtime/core": ([], []),
    "runtime/service": (["runtime/core"], []),
    "runtime/store": (["runtime/core"], []),
    "runtime/engine": (["runtime/core", "runtime/service", "runtime/store"], ["spdlog", "fmt"]),
    "runtime/client": (["runtime/core", "runtime/service", "runtime/store", "runtime/engine"], ["spdlog", "fmt"]),
    "runtime/testing": (["runtime"], ["spdlog", "fmt"]),
    "adapters/json": (["runtime/core"], ["simdjson"]),
    "adapters/msgpack": (["runtime/core"], ["msgpack"]),
    "adapters/avro": (["runtime/core"], ["avro", "yaml-cpp", "simdjson"]),
    "adapters/protobuf": (["runtime/core"], ["google"]),
    "adapters/lines": (["runtime/core", "runtime/service"], []),
    "adapters/rocksdb": (["runtime/core", "runtime/store"], ["rocksdb"]),
    "adapters/kafka": (["runtime/core", "runtime/store"], ["librdkafka", "spdlog", "fmt"]),
    "actors/node": (["runtime", "adapters", "actors"], ["caf", "spdlog", "fmt", "toml++", "CLI"]),
    "actors/testing": (["runtime", "actors"], ["caf", "spdlog", "fmt"]),
    "actors": (["runtime"], ["caf", "spdlog", "fmt"]),
    "examples": (["runtime", "adapters", "actors"], ["spdlog", "fmt", "zip", "zipconf", "httplib", "openssl", "brotli", "zlib", "zconf"]),
}
# Tests see everything; this folder and the test framework are theirs alone.
EXEMPT = "tests"

# Headers of the language, the C library and the kernel.
SYSTEM = re.compile(
    r"/usr/lib/gcc/|/usr/(local/)?lib/ccache/|/usr/lib/linux/uapi/|/usr/include/(x86_64|aarch64)-linux-gnu/"
    r"|/usr/include/(c\+\+|bits|sys|gnu|asm|asm-generic|linux|net|netinet|arpa|rpc)/"
    r"|/usr/include/(aio|alloca|assert|byteswap|complex|cpio|ctype|dirent|dlfcn|elf|endian|err|errno|error|execinfo|fcntl"
    r"|features|features-time64|fenv|float|fnmatch|ftw|getopt|glob|grp|iconv|ifaddrs|inttypes|langinfo|libgen"
    r"|libintl|limits|link|locale|malloc|math|memory|monetary|mqueue|netdb|nl_types|paths|poll|pthread|pwd"
    r"|regex|resolv|sched|search|semaphore|setjmp|signal|spawn|stdc-predef|stdint|stdio|stdlib|string|strings"
    r"|syscall|sysexits|syslog|tar|termios|tgmath|threads|time|uchar|ucontext|ulimit|unistd|utime|wait|wchar"
    r"|wctype|wordexp)\.h$")
OUTSIDE = re.compile(r"/usr/(?:local/)?include/(?:x86_64-linux-gnu/|aarch64-linux-gnu/)?([^/]+)")


def library(header):
    """The outside library a header belongs to; None for the language and the system."""
    if SYSTEM.search(header):
        return None
    if header.startswith("/usr/include/caf/test/"):
        return "the test framework of CAF"
    match = OUTSIDE.match(header)
    name = match.group(1) if match else header
    return re.sub(r"(\.hpp|\.h)$", "", name)


def under(path, folder):
    return path == folder or path.startswith(folder + "/")


def room_of(path):
    """The room of a path relative to the root: the longest name in ROOMS that it lies under."""
    matches = [room for room in ROOMS if under(path, room)]
    return max(matches, key=len) if matches else None


def parse(listing):
    """The objects of `ninja -t deps` with the headers of each."""
    objects = {}
    current = None
    for line in listing.splitlines():
        if line.startswith(" "):
            if current is not None:
                objects[current].append(line.strip())
        elif ": #deps" in line:
            current = line.split(": #deps")[0]
            objects[current] = []
    return objects


def complaint(room, header, source, build):
    """Why a room must not see a header; None if it may."""
    rooms, libraries = ROOMS[room]
    path = pathlib.PurePath(os.path.normpath(build / header))
    if path.is_relative_to(build):
        return None  # generated: precompiled headers, whose own includes are listed too
    if path.is_relative_to(source):
        name = str(path.relative_to(source))
        other = room_of(name)
        if other == room or (room == "examples" and under(name, "examples")):
            return None
        if any(under(name, allowed) for allowed in rooms):
            return None
        return f"{room} must not see {name}"
    name = library(str(path))
    if name is None or name in libraries:
        return None
    return f"{room} must not see {name}"


def check(objects, source, build):
    """All violations, each with one header and object that show it; and how many objects of each room were looked at."""
    findings = {}
    seen = {}
    for target, headers in objects.items():
        if under(target, EXEMPT) or not target.endswith((".o", ".gch")):  # CMake from 3.27 on lists programs too
            continue
        room = room_of(target)
        if room is None:
            findings.setdefault(f"{target}: belongs to no room", target)
            continue
        seen[room] = seen.get(room, 0) + 1
        for header in headers:
            text = complaint(room, header, source, build)
            if text:
                findings.setdefault(text, f"{header} for {target}")
    return [f"{text} ({example})" for text, example in findings.items()], seen


def self_check():
    """The rule must find each kind of violation in a made-up listing, and nothing in a clean one."""
    source, build = pathlib.PurePath("/p"), pathlib.PurePath("/p/build/x")
    clean = {
        "runtime/core": ["/p/runtime/core/a.hpp", "../../runtime/core/b.hpp", "/usr/include/c++/12/string",
                         "/usr/include/stdio.h", "/usr/include/x86_64-linux-gnu/bits/types.h",
                         "/usr/lib/linux/uapi/x86/asm/errno.h"],
        "runtime/testing": ["/p/runtime/engine/e.hpp", "/usr/include/spdlog/spdlog.h"],
        "adapters/json": ["/p/runtime/core/a.hpp", "/usr/include/simdjson.h"],
        "actors": ["/usr/include/caf/all.hpp", "/p/runtime/engine/e.hpp"],
        "actors/node": ["/p/adapters/json/j.hpp", "/p/actors/p.hpp", "/usr/include/toml++/toml.h"],
        "examples/flights": ["/usr/include/zip.h", "/p/actors/node/n.hpp"],
        "tests/unit": ["/usr/include/rocksdb/db.h", "/usr/include/caf/test/dsl.hpp"],
    }
    forbidden = [
        ("runtime/core", "/usr/include/caf/all.hpp"), ("runtime/core", "/usr/include/spdlog/spdlog.h"),
        ("runtime/core", "/p/runtime/store/s.hpp"), ("runtime/service", "/p/runtime/engine/e.hpp"),
        ("runtime/store", "/p/runtime/service/s.hpp"), ("runtime/engine", "/p/runtime/testing/t.hpp"),
        ("runtime/testing", "/p/adapters/json/j.hpp"), ("runtime/client", "/p/runtime/testing/t.hpp"), ("runtime/engine", "/usr/include/msgpack/x.hpp"),
        ("adapters/json", "/p/runtime/engine/e.hpp"), ("adapters/json", "/p/adapters/msgpack/m.hpp"), ("adapters/json", "/p/actors/p.hpp"),
        ("adapters/rocksdb", "/usr/include/caf/all.hpp"), ("adapters/rocksdb", "/usr/include/librdkafka/rdkafka.h"),
        ("adapters/kafka", "/usr/include/rocksdb/db.h"), ("adapters/rocksdb", "/usr/include/simdjson.h"),
        ("adapters/msgpack", "/usr/include/boost/predef.h"), ("actors", "/p/adapters/json/j.hpp"),
        ("actors", "/p/actors/node/n.hpp"), ("actors", "/usr/include/toml++/toml.h"), ("adapters/json", "/usr/include/google/protobuf/message.h"),
        ("actors", "/usr/include/caf/test/dsl.hpp"), ("actors/node", "/usr/include/rocksdb/db.h"),
        ("actors/node", "/p/examples/counter/c.hpp"), ("examples/counter", "/usr/include/caf/all.hpp"),
        ("runtime/core", "../../tests/support/t.hpp"), ("runtime/core", "/opt/other/include/o.h"),
    ]

    def listing(room, headers):
        lines = [f"{room}/CMakeFiles/t.dir/a.cpp.o: #deps {len(headers)}, deps mtime 1 (VALID)"]
        return "\n".join(lines + [f"    {header}" for header in headers]) + "\n\n"

    missed = [f"the rule refuses a clean listing: {text}"
              for room, headers in clean.items()
              for text in check(parse(listing(room, headers)), source, build)[0]]
    missed += [f"the rule does not notice {header} in {room}"
               for room, header in forbidden
               if not check(parse(listing(room, [header])), source, build)[0]]
    return missed


def rooms_with_code(source):
    """The rooms that have public headers or sources of their own."""
    rooms = set()
    for name in project.files(source):
        if name.suffix == ".cpp" or (name.suffix == ".hpp" and "include" in name.parts):
            rooms.add(room_of(str(name)))
    return rooms - {None}


def switched_off(build):
    """Rooms that this build tree leaves out on purpose."""
    cache = (build / "CMakeCache.txt").read_text()
    off = {f"adapters/{name.lower()}" for name in re.findall(r"^EVENTY_WITH_(\w+):BOOL=(?:OFF|0|NO)$", cache, re.M)}
    if re.search(r"^EVENTY_BUILD_EXAMPLES:BOOL=(?:OFF|0|NO)$", cache, re.M):
        off.add("examples")
    return off


def main():
    args = project.arguments(__doc__)
    build = args.build.resolve()
    source = args.source.resolve()
    findings = self_check()
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True)
    if listing.returncode != 0:
        findings.append(f"ninja failed: {listing.stderr.strip()}")
    objects = parse(listing.stdout)
    found, seen = check(objects, source, build)
    findings += found
    if not objects:
        findings.append(f"no dependencies are recorded in {build}; build it first")
    findings += [f"{room} has code, and none of it was built"
                 for room in sorted(rooms_with_code(source) - set(seen) - switched_off(build))]
    project.finish("dependencies", findings, ", ".join(f"{room} {count}" for room, count in sorted(seen.items())))


if __name__ == "__main__":
    main()
