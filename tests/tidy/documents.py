"""Every *.md: no cell of a table is longer than 120 characters, and what a link points to exists, its heading too."""

import os
import re

import project

LONGEST_CELL = 120  # what is longer becomes a section
LINK = re.compile(r"\]\(([^)\s]+)\)")
OUTSIDE = re.compile(r"[a-z]+:")  # another site
HEADING = re.compile(r"^#+ (.*)$", re.M)


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


def anchors_of(text):
    """The names by which links reach the headings of a page."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def points_somewhere(name, text, target, read):
    path, _, anchor = target.partition("#")
    page = read(os.path.normpath(name.parent / path)) if path else text
    return page is not None and (not anchor or anchor in anchors_of(page))


def findings_of(name, text, read):
    """`read` gives the text of a path relative to the project's root: "" of what is no document, None where nothing is."""
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
            if not OUTSIDE.match(target) and not points_somewhere(name, text, target, read):
                found.append(f"{name}:{number}: the link {target} points to nothing")
    return found


def self_check():
    """What is judged wrongly."""
    page = project.pathlib.PurePosixPath("room/README.md")
    wrong = {"| " + "x" * 121 + " | y |": 1, "| " + "x" * 120 + " | y |": 0, "text | " + "x" * 130: 0,
             "| `a|b` | " + "y" * 119 + " |": 0, "[a](gone.cpp)": 1, "[a](here.cpp), [c](https://x.y/z)": 0,
             "# A `part`, b\n[a](#a-part-b)": 0, "[a](#gone)": 1, "[a](page.md#one)": 0, "[a](page.md#two)": 1,
             "```\n[a](gone.cpp)\n```": 0}
    read = {"room/here.cpp": "", "room/page.md": "# One"}.get
    return [text[:40] for text, count in wrong.items() if len(findings_of(page, text, read)) != count]


def main():
    args = project.arguments(__doc__)
    names = [name for name in project.files(args.source) if name.suffix == ".md"]
    findings = [] if names else ["no documents were found"]

    def read(path):
        if path.endswith(".md"):
            return (args.source / path).read_text() if (args.source / path).is_file() else None
        return "" if (args.source / path).exists() else None

    for name in names:
        findings += findings_of(name, (args.source / name).read_text(), read)
    findings += [f"the rule judges this wrongly: {text}" for text in self_check()]
    project.finish("documents", findings, f"{len(names)} documents")


if __name__ == "__main__":
    main()
