"""One name for one thing: the words that runtime/README.md retires stand in no code and no document.

Each rule is exact: it knows the retired use of a word, as an identifier or in a sentence, and leaves the word's plain
meaning alone, as the sign of a number or to look something up.
"""

import re

import project

# What is not text of ours: a licence, what was stored by releases, inputs of the fuzzers.
FOREIGN = ("LICENSE", "tests/golden/", "tests/fuzz/corpus/")
# What names the retired words, with the reason.
ALLOWED = {
    "runtime/README.md": "its table of retired words says what stands for each",
    "tests/tidy/words.py": "these rules",
}

OWNER = r"(?:a|an|the|its|their|this|that|these|those|each|every|no|one|any|some|by|without|two|both)"

# A retired word, what is said instead, and how it is found: as an identifier, then in a sentence.
RULES = [
    ("lane", "task", [
        r"\b(?:\w+_)?lanes?(?:_\w+)?\b", r"[a-z0-9]Lanes?\b", r"\bLanes?(?:[A-Z]\w*)?\b"]),
    ("look", "poll (of a source) or check", [
        r"\w_look(?:s|ing)?\b", r"\blook(?:s|ing)?_(?!up\b)\w", r"\blook\(", r"[a-z]Look(?!up)",
        r"\bLook(?:er|ing|s)?[A-Z]", r"LOOK_", r"\blooker\b",
        rf"\b{OWNER}\s+looks?\b(?!\s+(?:like|up|after)\b)", r"\b(?:next|earlier|first|second|last|single) looks?\b"]),
    ("sign", "commit ownership", [
        r"\bsign(?:s|ed|ing)?_\w", r"\w_sign(?:s|ing)?\b", r"\bsigning_", r"\bsign\(", r"[a-z]Sign(?:s|ed|ing)?\b",
        r"\b(?:is|are|was|were|be|been|being|gets?)\s+signed\b",
        r"\bsign(?:s|ed|ing)?\s+(?:the |a |its |their |these |for )*(?:partitions?|takeovers?|positions?|ownership)\b"]),
    ("seat", "session entry", [
        r"\bseats?_\w", r"\w_seats?\b", r"\bSeats?(?:[A-Z]\w*)?\b", r"::seats?\b", r"\b(?:a|the|its|session's) seats?\b"]),
    ("twin", "duplicate", [
        r"\b(?:\w+_)?twins?(?:_\w+)?\b", r"\bTwins?(?:[A-Z]\w*)?\b", r"[a-z]Twins?\b"]),
    ("mark", "transaction marker, fingerprint or savepoint", [
        r"\b\w+_marks?\b", r"\bmarks?_(?!as_advanced)\w", r"(?<!\.)\bMarks?\b(?=\s*[\w(]*[;({])", r"\bmark\(std::",
        r"\btransactions?'?s?'? marks?\b",
        r"\bmarks? of (?:a |the |its |all |each |every |last |that |those )*(?:transactions?|one|it|them)\b",
        r"\b(?:newest|last|behind|after|before|writes? the|writes? its|from a) marks?\b"]),
    ("the end", "end offset", [
        r"\b(?:behind|beyond) the end\b(?! offset)", r"\bpositions? (?:at|after|past) the end\b(?! offset)"]),
    ("go home", "reach its partition", [r"\b(?:goes|go|going|gone|went|finds?|found)\s+home\b"]),
    ("another try", "retry", [r"\banother try\b"]),
    ("befall", "fail, happen", [r"\bbefall\w*", r"\bbefell\b"]),
]

COMPILED = [(word, instead, re.compile("|".join(patterns))) for word, instead, patterns in RULES]


def is_checked(name):
    text = str(name)
    return not text.startswith(FOREIGN) and text not in ALLOWED


def findings_of(name, text):
    found = []
    for word, instead, pattern in COMPILED:
        for match in pattern.finditer(text):
            # With the whole words at its ends.
            start = match.start() - len(re.search(r"\w*$", text[max(0, match.start() - 40):match.start()]).group())
            end = match.end() + len(re.match(r"\w*", text[match.end():match.end() + 40]).group())
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{name}:{line}: {word} is a retired word, say {instead}: \"{' '.join(text[start:end].split())}\"")
    return found


def self_check():
    """Sentences and identifiers that must be found, one for each rule at least; and plain uses that must not."""
    retired = [
        "Lane lane;", "std::size_t lane_count", "a key's lane", "SourceLane", "StopLooking{}", "one look of a source",
        "void look_at_restores();", "between two looks", "each look", "LOOK_SECONDS", "part->sign(scope)", "sign_next();",
        "what is restored is signed", "signs the partitions", "Core::seats", "seats_mutex_", "a twin of it",
        "its transaction's marks", "the marks of the last one", "from a mark", "mark_of(record)", "a position behind the end",
        "then it goes home", "another try", "What would befall it"]
    plain = [
        "what a record looks like", "look_up(name)", "it is looked up", "looked_at", "what is looked at",
        "the oracle looks away",
        "look at the store", "ProcessLookupError", "the sign of a number", "a signed number", "bool is_signed",
        "unsigned_integer", "is assigned", "signal(9)", "no seats left", "a plane", "between", "a byte order mark",
        "mark_as_advanced(X)", "marks the key changed", "benchmark", "the end of the process", "after the end offset"]
    return [text for text in retired if not findings_of("x", text)] + [text for text in plain if findings_of("x", text)]


def main():
    args = project.arguments(__doc__)
    findings, count = [], 0
    for name in filter(is_checked, project.files(args.source)):
        try:
            text = (args.source / name).read_text()
        except UnicodeDecodeError:
            continue  # not a text
        count += 1
        findings += findings_of(name, text)
        findings += [f"{name}: its name has a retired word ({word}): say {instead}" for word, instead, pattern in COMPILED
                     if pattern.search(name.name)]
    findings += [f"{name}: is allowed for in words.py and does not exist" for name in ALLOWED
                 if not (args.source / name).is_file()]
    findings += [f"the rules judge this wrongly: {text}" for text in self_check()]
    project.finish("words", findings, f"{count} files")


if __name__ == "__main__":
    main()
