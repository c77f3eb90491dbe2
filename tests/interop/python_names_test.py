#!/usr/bin/env python3
# ctest: TIMEOUT 300
"""The table "Moving from Eventy for Python" of examples/README.md: it has every public name of the Python package, and its
code on the right is compiled by tests/unit/across/python_names_test.cpp."""
import environment

environment.enter()  # the package is found only there

import ast
import importlib.util
import pathlib
import re
import sys

# No names to use: what the package sets up for itself, and its configuration modules' own constants are in one line.
NOT_NAMES = {"logger"}


def public_names(folder):
    """Classes, functions and constants of the package's modules, by the module that has them."""
    for file in sorted(folder.rglob("*.py")):
        module = ".".join(file.relative_to(folder).with_suffix("").parts)
        for node in ast.parse(file.read_text()).body:
            names = []
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                names = [node.name]
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [t.id for t in targets if isinstance(t, ast.Name)]
            yield from ((module, name) for name in names if not name.startswith("_") and name not in NOT_NAMES)


def rows(page):
    section = page.split("## Moving from Eventy for Python")[1].split("\n## ")[0]
    return [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ") and "---" not in line][1:]


def plain(text):
    return re.sub(r"\s+", "", text)


source = environment.source
table = rows((source / "examples/README.md").read_text())
left = " ".join(row[0] for row in table)
told = set(re.findall(r"`([A-Za-z_0-9]+)`", left))
package = pathlib.Path(importlib.util.find_spec("eventy").submodule_search_locations[0])
missing = sorted({f"{name} ({module})" for module, name in public_names(package) if name not in told})
compiled = plain((source / "tests/unit/across/python_names_test.cpp").read_text())
codes = [code for row in table for code in re.findall(r"`([^`]+)`", row[1])]
code_of_cpp = [c for c in codes if re.search(r"eventy::|EVENTY_|turn\.|node\.|client\.|^\.|std::|using ", c)]
not_compiled = [c for c in code_of_cpp if plain(c).removesuffix("{})") not in compiled and plain(c) not in compiled]
print(f"{len(table)} lines, {len(told)} names, {len(code_of_cpp)} pieces of code")
for text in [f"not in the table: {m}" for m in missing] + [f"not compiled: {c}" for c in not_compiled]:
    print(text)
if len(table) < 20 or len(code_of_cpp) < 20:
    sys.exit("the table was not found")
sys.exit(bool(missing or not_compiled))
