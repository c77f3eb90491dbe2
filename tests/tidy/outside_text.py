"""What comes from outside (keys, reasons, names, bytes of records) is shown and stored through one place, one_line.

A text that a program prints or stores as it came can forge a line, or command a terminal. So who prints, who makes a
log and who stores the reason of a dead letter is known here, with the number of such places in each file, and so is
who calls one_line for it. A new place belongs into these tables once it is seen that its text goes through one_line.
"""

import re

import project

ROOMS = ("runtime", "adapters", "actors", "examples")

# Per kind: what it looks like, and in which files it is, how often.
PLACES = {
    "prints": (re.compile(r"\b(?:std::)?(?:v?f?printf|fputs|fputc|puts|putchar|fwrite|perror)\s*\("
                          r"|\bstd::(?:cout|cerr|clog)\b|\bfmt::print\b"
                          r"|\bspdlog::(?:trace|debug|info|warn|error|critical)\s*\("), {
        "actors/node/standard_streams.cpp": 2,  # say_on_standard_error, print_line
        "examples/counter/main.cpp": 1,         # numbers
        "examples/embedded/main.cpp": 6,        # the log of a program of its own: errors of the start, numbers
        "examples/flights/main.cpp": 4,         # numbers; the report, put together in report.cpp
        "examples/resilience/main.cpp": 1,      # put together in status.cpp
    }),
    "makes a log": (re.compile(r"\bmake_shared<spdlog::(?:logger|async_logger)>|\bspdlog::\w+_(?:mt|st)\("), {
        "actors/node/log.cpp": 1,
    }),
    "stores a reason": (re.compile(r"\bheader\(dead_letter::(?:reason|error_class|place)\b"), {
        "runtime/engine/outbox.cpp": 3,
    }),
    "escapes and caps": (re.compile(r"(?<!std::string )\bone_line\("), {
        "actors/node/log.cpp": 1,
        "actors/node/standard_streams.cpp": 2,
        "actors/node/tool/schema_check.cpp": 1,
        "adapters/avro/default_value.cpp": 3,
        "adapters/avro/yaml_text.cpp": 1,
        "adapters/lines/line_source.cpp": 1,
        "adapters/lines/text_file.cpp": 2,
        "examples/flights/report.cpp": 2,
        "examples/resilience/status.cpp": 5,
        "runtime/engine/failure_class.cpp": 2,
        "runtime/engine/outbox.cpp": 3,
    }),
}


def count(pattern, text):
    code = "\n".join(line.split("//")[0] for line in text.splitlines())
    return len(pattern.findall(code))


def findings_of(texts):
    """`texts`: the sources by their names."""
    found = []
    for what, (pattern, known) in PLACES.items():
        for name, text in texts.items():
            here, expected = count(pattern, text), known.get(name, 0)
            if here != expected:
                found.append(f"{name}: {what} in {here} places, and {expected} are known in outside_text.py: see "
                             "that texts from outside go through one_line(), then correct the table")
        found += [f"{name}: {what} no more, correct outside_text.py" for name in known if name not in texts]
    return found


def self_check(texts):
    """The rule must see what it exists for."""
    seeded = ['std::printf("%s", key.c_str());', 'fmt::print("{}", key);', "std::cerr << key;",
              'auto log = std::make_shared<spdlog::logger>("x");', "header(dead_letter::reason, key);"]
    return all(len(findings_of(texts | {"examples/new/main.cpp": line})) > len(findings_of(texts)) for line in seeded)


def main():
    args = project.arguments(__doc__)
    texts = {str(name): (args.source / name).read_text(errors="replace") for name in project.files(args.source)
             if name.parts[0] in ROOMS and name.suffix in (".cpp", ".hpp")}
    findings = findings_of(texts)
    if not self_check(texts):
        findings.append("the rule does not notice a new place that prints")
    project.finish("outside_text", findings, f"{len(texts)} files")


if __name__ == "__main__":
    main()
