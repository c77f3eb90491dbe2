"""Every *.md: no cell of a table is longer than 120 characters, and what a link points to exists."""

import os
import re

import project

LONGEST_CELL = 120  # what is longer becomes a section
LINK = re.compile(r"\]\(([^)\s]+)\)")
OUTSIDE = re.compile(r"[a-z]+:|#")  # another site, or the same page


def cells_of(line):
    """The cells of a row of a table; a bar that is escaped or within backticks separates none."""
    parts, cell, in_code = [], "", False
    for piece in re.split(r"(`+|\\.|\|)", line.strip().strip("|")):
        if piece.startswith("`"):
            in_code = not in_code
        if piece == "|" and not in_code:
            parts.append(cell.strip())
            cell = ""
        else:
            cell += piece
    return parts + [cell.strip()]


def findings_of(name, text, exists):
    """`exists` says of a path, relative to the project's root, whether there is such a file or folder."""
    found, in_code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        if in_code or line.startswith("    "):
            continue
        if line.startswith("|"):
            found += [f"{name}:{number}: a cell of {len(cell)} characters, {LONGEST_CELL} at most: \"{cell[:40]}…\""
                      for cell in cells_of(line) if len(cell) > LONGEST_CELL]
        for target in LINK.findall(line):
            path = target.split("#")[0]
            if not OUTSIDE.match(target) and not exists(os.path.normpath(name.parent / path)):
                found.append(f"{name}:{number}: the link {target} points to nothing")
    return found


def self_check():
    """What is judged wrongly."""
    page = project.pathlib.PurePosixPath("room/README.md")
    wrong = {"| " + "x" * 121 + " | y |": 1, "| " + "x" * 120 + " | y |": 0, "text | " + "x" * 130: 0,
             "| `a|b` | " + "y" * 119 + " |": 0, "[a](gone.cpp)": 1, "[a](here.cpp), [b](#part), [c](https://x.y/z)": 0,
             "[a](here.cpp#part)": 0, "```\n[a](gone.cpp)\n```": 0}
    exists = {"room/here.cpp"}.__contains__
    return [text[:40] for text, count in wrong.items() if len(findings_of(page, text, exists)) != count]


def main():
    args = project.arguments(__doc__)
    names = [name for name in project.files(args.source) if name.suffix == ".md"]
    findings = [] if names else ["no documents were found"]
    for name in names:
        findings += findings_of(name, (args.source / name).read_text(), lambda path: (args.source / path).exists())
    findings += [f"the rule judges this wrongly: {text}" for text in self_check()]
    project.finish("documents", findings, f"{len(names)} documents")


if __name__ == "__main__":
    main()
