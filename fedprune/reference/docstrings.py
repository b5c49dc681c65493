"""What source text says of its classes and their fields, read without running it."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import lru_cache
from pathlib import Path


def field_docs(made: type) -> dict[str, str]:
    """Field -> what is said of it, for the fields of a class and of its bases in fedprune or a plug-in.

    That is the docstring below the field, or else the comment behind it, as one line.
    """
    found: dict[str, str] = {}
    for owner in reversed(made.__mro__):
        file = getattr(sys.modules.get(owner.__module__), "__file__", None)
        if file is not None and owner is not object:
            found |= _docs_in(Path(file).read_text("utf-8"), owner.__name__)
    return found


def clauses(docstring: str) -> dict[str, str]:
    """Argument -> the clause of a docstring that speaks of it in double backticks, as one line."""
    found: dict[str, str] = {}
    for clause in re.split(r"(?<=[.;:])\s+", inspect.cleandoc(docstring)):
        for name in re.findall(r"``(\w+)``", clause):
            said = unwrapped(clause).rstrip(";.:")
            found.setdefault(name, f"{said}.")
    return found


def numpy_arguments(docstring: str) -> dict[str, str]:
    """Argument -> what a docstring in NumPy's style says of it under "Parameters", as one line."""
    _, _, rest = inspect.cleandoc(docstring).partition("Parameters\n----------\n")
    own = re.split(r"\n\w+\n-+\n", rest, maxsplit=1)[0]
    found = re.findall(r"^(\w+) ?:.*\n((?: {4}.*\n?|\n)*)", own, re.MULTILINE)
    return {name: unwrapped(text) for name, text in found}


def unwrapped(text: str) -> str:
    """A docstring's paragraph as one line of Markdown, with reST's double backticks as single ones."""
    return re.sub(r"``([^`]*)``", r"`\1`", " ".join(text.split()))


def as_markdown(docstring: str) -> str:
    """A docstring as Markdown: paragraphs and lists stay, double backticks become single ones."""
    return re.sub(r"``([^`]*)``", r"`\1`", inspect.cleandoc(docstring))


@lru_cache(maxsize=256)
def _docs_in(source: str, name: str) -> dict[str, str]:
    lines, found = source.splitlines(), dict[str, str]()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for item, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    said = _string(after) or _comment(lines[(item.end_lineno or 1) - 1], item.end_col_offset)
                    found[item.target.id] = unwrapped(said)
    return found


def _string(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else ""
    return ""


def _comment(line: str, after: int | None) -> str:
    # Columns of the syntax tree count bytes.
    rest = line.encode()[after or 0 :].decode()
    return rest.partition("#")[2].partition("noqa")[0].strip()
