"""Authors' scripts, run as they are, on what a run of fedprune was given."""

from __future__ import annotations

import ast
import shutil
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

ABSENT = ("torchvision", "torchvision.models", "tensorboardX")
"""Packages that authors import and that are not needed here: none of what they do is used."""


class Finished(Exception):  # noqa: N818 - an end, not an error
    """All rounds are done."""


def copied(checkout: Path, into: Path) -> Path:
    """A copy of the checkout in which tabs are eight spaces, as Python 2 read them."""
    copy = Path(shutil.copytree(checkout, into / checkout.name, ignore=shutil.ignore_patterns(".git")))
    for file in copy.rglob("*.py"):
        file.write_text(file.read_text().expandtabs(8))
    return copy


def run(
    script: Path, arguments: Sequence[str], sampled: Sequence[Sequence[int]], **replaced: Any
) -> dict[str, Any]:
    """The script's globals once all rounds are done.

    Args:
        script: the file, whose folder is searched for what it imports.
        arguments: its command line.
        sampled: the clients of each round, which stand in for those that the script would draw.
        replaced: names that the script imports, and what it finds under them instead.
    """
    body = ast.parse(script.read_text(), str(script)).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    rest = [node for node in body if node not in imports]
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    with at_work(script, arguments, sampled):
        exec(compile(ast.Module(imports, []), script, "exec"), names)
        names.update(replaced)
        with suppress(Finished):
            exec(compile(ast.Module(rest, []), script, "exec"), names)
    return names


@contextmanager
def at_work(script: Path, arguments: Sequence[str], sampled: Sequence[Sequence[int]]) -> Iterator[None]:
    """In which ``script`` finds its imports and its command line, and is given the clients of each round."""
    rounds = iter(sampled)

    def choice(*_: Any, **__: Any) -> Any:
        for clients in rounds:
            return np.array(clients)
        raise Finished

    kept = sys.argv, list(sys.path), np.random.choice, torch.cuda.set_device
    for name in ABSENT:
        sys.modules.setdefault(name, Stub(name))
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.parent))
    np.random.choice, torch.cuda.set_device = choice, lambda *_: None
    try:
        yield
    finally:
        sys.argv, sys.path[:], np.random.choice, torch.cuda.set_device = kept


class Stub(types.ModuleType):
    """A module whose every name can be called, and does nothing."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()


class Nothing:
    """What can be called and asked for anything, and does nothing."""

    def __call__(self, *_: Any, **__: Any) -> Nothing:
        return self

    def __getattr__(self, name: str) -> Nothing:
        return self
