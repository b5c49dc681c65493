"""Importing code of plug-ins; whatever it raises becomes one line with its file and line number."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import linecache
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from fedprune.plugins.errors import BrokenPluginError, UnknownPluginError, shown, suggest
from fedprune.plugins.reach import modules
from fedprune.types import UserError


class _Loader(SourceFileLoader):
    """Compiles what the file holds now, and leaves no ``__pycache__`` in a user's folder."""

    def get_code(self, fullname: str) -> CodeType:
        # Cached bytecode is looked up by the file's second and size, which an edit may leave as they were.
        return self.source_to_code(self.get_data(self.path), self.path)


def run_file(kind: str, path: Path) -> ModuleType:
    """The module of a user's file, run once for each version of it.

    Raises BrokenPluginError.
    """
    what = f"{kind}/{path.name}"
    with explained(what, path):
        digest = hashlib.sha256(str(path).encode() + b"\0" + path.read_bytes()).hexdigest()[:12]
        # Two folders may hold files of one name, and a notebook's user changes a file between two runs.
        dotted = f"fedprune_plugins.{kind}.{path.stem}_{digest}"
        if dotted in sys.modules:
            return sys.modules[dotted]
        spec = importlib.util.spec_from_file_location(dotted, path, loader=_Loader(dotted, str(path)))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[dotted] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[dotted]
            raise
        return module


def import_module(name: str) -> ModuleType:
    """An installed module. Raises BrokenPluginError when importing it fails."""
    with explained(f"module '{name}'", None):
        return importlib.import_module(name)


def is_path(name: str) -> bool:
    """Whether a name is an import path, "package.module:Name", and not a plug-in's."""
    return ":" in name


def check_path(path: str) -> None:
    """Raises UnknownPluginError unless ``path`` reads as an import path whose module can be found.

    The module itself is not imported, only the packages that it is in.
    """
    module, _, name = path.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), name]):
        raise UnknownPluginError(f"'{path}' is no import path; write package.module:Name")
    allowed = modules()
    if allowed is not None and path not in allowed:
        raise UserError(
            f"an order names the code '{path}', which this client was not started with; "
            "name it in the node's configuration, fedprune-modules"
        )
    try:
        with explained(f"module '{module}'", None):
            found = importlib.util.find_spec(module) is not None
    except BrokenPluginError as error:
        if not isinstance(error.__cause__, ImportError | ValueError):
            raise
        found = False
    if not found:
        raise UnknownPluginError(
            f"no module '{module}' to import '{name}' from; install it, or put its folder on PYTHONPATH"
        )


def imported(path: str) -> Any:
    """What stands at an import path.

    Raises UnknownPluginError when nothing does, and BrokenPluginError when the module cannot be imported.
    """
    check_path(path)
    module, _, name = path.partition(":")
    found = import_module(module)
    if not hasattr(found, name):
        raise UnknownPluginError(f"module '{module}' has no '{name}'{suggest(name, sorted(vars(found)))}")
    return getattr(found, name)


@contextmanager
def explained(what: str, path: Path | None) -> Iterator[None]:
    """Turns whatever importing the code of ``what`` raises into a BrokenPluginError.

    ``path`` is its file where that is known. A user's own interrupt and a UserError pass.
    """
    try:
        yield
    except UserError:
        raise
    except BaseException as error:
        where, line = _place(error, path)
        if isinstance(error, KeyboardInterrupt) and "raise" not in linecache.getline(where, line):
            raise  # somebody pressed Ctrl-C while a module was imported
        place = f"{shown(Path(where))}:{line}" if line else shown(Path(where)) if where else what
        raise BrokenPluginError(f"{place}: {_reason(error)}") from error


def reason(error: BaseException) -> str:
    """An error as part of a line: its type and the beginning of what it says."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def _place(error: BaseException, path: Path | None) -> tuple[str, int]:
    """File and line in which an import went wrong: the plug-in's where it stands in the trace."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith("<frozen")
    ]
    inside = [place for place in frames if path is not None and place[0] == str(path)]
    foreign = [place for place in frames if not place[0].startswith(str(Path(__file__).parent))]
    return next(reversed(inside or foreign), (str(path) if path else "", 0))


def _reason(error: BaseException) -> str:
    """What an import failed of, and what to do where that is known."""
    if isinstance(error, SyntaxError):
        return f"is not valid Python: {error.msg}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"imports '{error.name}', which is not installed here"
    wanted = re.match(r"cannot import name '(\w+)'", str(error))
    if isinstance(error, ImportError) and error.name in sys.modules and wanted:
        known = [name for name in dir(sys.modules[error.name]) if not name.startswith("_")]
        return f"'{error.name}' has no '{wanted[1]}'{suggest(wanted[1], known)}"
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return f"{reason(error)} ends the program when this is imported; let a function do that"
    advice = "; write @dataclass(frozen=True)" if "non-frozen dataclass" in str(error) else ""
    return f"importing it failed: {reason(error)}{advice}"
