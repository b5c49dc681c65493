"""Which files a plug-in of the user's consists of: its own, and the modules of the user's that it imports.

They are found by reading, nothing is run: ``import`` statements anywhere in a file count, in functions too.
Modules of Python, of installed packages and of fedprune count as what is installed, not as the user's.
"""

from __future__ import annotations

import ast
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fedprune.plugins.places import PACKAGE

_PACKAGES = {"site-packages", "dist-packages"}
"""Folders of that name hold installed packages, those of an environment that this one is laid over too."""


def local_files(file: Path) -> tuple[Path, ...]:
    """``file`` first, then the user's modules that it imports, directly or by others of them, sorted."""
    found, unread = {file}, [file]
    while unread:
        for path in _imported(unread.pop()):
            if path not in found and not is_installed(path):
                found.add(path)
                unread.append(path)
    return (file, *sorted(found - {file}))


def is_installed(path: Path) -> bool:
    """Whether a file belongs to Python, to an installed package or to fedprune, and not to the user."""
    if not _PACKAGES.isdisjoint(path.parts):
        return True
    return any(path.is_relative_to(place) for place in _installed())


def _imported(file: Path) -> Iterator[Path]:
    """The files of the modules that a file imports, with those of the packages that they are in."""
    if is_installed(file):
        return
    for level, dotted in _names(file):
        if level:
            yield from _walked(file.parents[level - 1], dotted)
            continue
        for entry in sys.path:
            root = Path(entry or ".").absolute()
            if not is_installed(root) and (found := list(_walked(root, dotted))):
                yield from found
                break


def _names(file: Path) -> Iterator[tuple[int, list[str]]]:
    """(number of leading dots, parts) of each name that may be a module's."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return  # which whoever runs the file tells better
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            yield from ((node.level, [*module, alias.name]) for alias in node.names)


def _walked(root: Path, parts: list[str]) -> Iterator[Path]:
    """The files below ``root`` on the way to a dotted name, as far as it leads."""
    folder = root
    for part in parts:
        for path in (folder / part / "__init__.py", folder / f"{part}.py"):
            if path.is_file():
                yield path
                break
        folder /= part


@cache
def _installed() -> tuple[Path, ...]:
    """Folders of Python, of installed packages, and of fedprune."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    places = {sysconfig.get_path(name) for name in names} | {
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
    return (PACKAGE, *(Path(place) for place in places))
