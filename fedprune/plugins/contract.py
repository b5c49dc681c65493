"""What the file of a plug-in has to define, checked when it is loaded; each breach is one line."""

from __future__ import annotations

import difflib
import inspect
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from fedprune.plugins.code import import_module
from fedprune.plugins.errors import BrokenPluginError, shown, suggest
from fedprune.plugins.kinds import KINDS


def check_module(kind: str, name: str, found: Any) -> None:
    """Raises BrokenPluginError unless ``found`` (a module, or what an import path leads to) has what plug-ins
    of this kind define by fixed names."""
    for wanted in KINDS[kind].holds:
        if not hasattr(found, wanted):
            file = getattr(found, "__file__", None)
            where = f"{shown(Path(file))}: " if file else ""
            known = [key for key in vars(found) if not key.startswith("_")]
            near = difflib.get_close_matches(wanted, known, n=1)
            meant = f"; is '{near[0]}' meant?" if near else ""
            raise BrokenPluginError(
                f"{where}{KINDS[kind].called} '{name}' defines no '{wanted}'{meant} (see docs/plugins.md)"
            )


@lru_cache(maxsize=256)
def class_in(kind: str, module: ModuleType) -> type:
    """The one public class that a plug-in's file defines, checked.

    Raises BrokenPluginError when there is none or more than one, or when it breaks its kind's contract.
    """
    own = [
        value
        for key, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not key.startswith("_")
    ]
    base, called = _base(kind), KINDS[kind].called
    file = shown(Path(module.__file__ or module.__name__))
    nominal = base is not None and not _is_protocol(base)
    fitting = [made for made in own if (issubclass(made, base) if nominal else _is_dataclass(made))]  # type: ignore[arg-type]
    if len(fitting) > 1:
        listed = ", ".join(made.__name__ for made in fitting)
        raise BrokenPluginError(
            f"{file}: defines more than one {called}: {listed}; begin the names of all but one with '_'"
        )
    if not fitting and not own:
        raise BrokenPluginError(
            f"{file}: defines no class; a {called}'s file defines one (see docs/plugins.md)"
        )
    made = (fitting or own)[0]
    check_class(kind, made)
    return made


@lru_cache(maxsize=256)
def check_class(kind: str, made: Any) -> None:
    """Raises BrokenPluginError when a class breaks the contract of its kind."""
    base, called = _base(kind), KINDS[kind].called
    if not isinstance(made, type):
        raise BrokenPluginError(f"{made!r} is no class; a {called} is one")
    if base is not None and not _is_protocol(base) and not issubclass(made, base):
        raise _broken(
            made, f"does not derive from {base.__name__}: write class {made.__name__}({base.__name__})"
        )
    if not _is_dataclass(made) or not made.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise _broken(
            made, f"is no frozen dataclass: write @dataclass(frozen=True) above class {made.__name__}"
        )
    if base is not None:
        _check_hooks(made, base)


def line_of(function: Any) -> str:
    """``file:line`` where a function is defined, for a message; empty where it has no Python code."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{shown(Path(code.co_filename))}:{code.co_firstlineno}" if code is not None else ""


def _check_hooks(made: type, base: type) -> None:
    """Each hook of the contract is a method with the same parameters, and none has its name misspelled."""
    hooks = {key: getattr(base, key) for key in dir(base) if not key.startswith("_")}
    hooks = {key: hook for key, hook in hooks.items() if inspect.isfunction(hook)}
    for key, value in vars(made).items():
        near = difflib.get_close_matches(key, hooks, n=1, cutoff=0.8)
        if inspect.isfunction(value) and not key.startswith("_") and not hasattr(base, key) and near:
            raise BrokenPluginError(
                f"{line_of(value)}: {made.__name__} has no hook '{key}', did you mean '{near[0]}'? "
                "(a method of your own begins with '_')"
            )
    for key, hook in hooks.items():
        own = inspect.getattr_static(made, key, None)
        if own is None and _is_protocol(base):
            methods = [name for name in vars(made) if not name.startswith("_")]
            raise _broken(made, f"has no method '{key}'{suggest(key, methods) if methods else ''}")
        if not isinstance(own, staticmethod | classmethod) and not inspect.isfunction(own):
            raise _broken(made, f"has '{key}' as a {type(own).__name__}; it is a method")
        if inspect.isfunction(own) and own is not hook:
            _check_parameters(made, own, hook)


def _check_parameters(made: type, own: Any, hook: Any) -> None:
    """The method can be called as the contract's is."""
    wanted = list(inspect.signature(hook).parameters.values())
    plain = [each for each in wanted if each.kind in (each.POSITIONAL_OR_KEYWORD, each.POSITIONAL_ONLY)]
    named = [each.name for each in wanted if each.kind is each.KEYWORD_ONLY]
    try:
        inspect.signature(own).bind(*plain, **dict.fromkeys(named))
    except TypeError:
        takes, called = inspect.signature(own), inspect.signature(hook)
        bare = [str(each).split(":")[0].split("=")[0].strip() for each in takes.parameters.values()]
        needed = [each.name for each in called.parameters.values()]
        raise BrokenPluginError(
            f"{line_of(own)}: {made.__name__}.{own.__name__} takes ({', '.join(bare)}); "
            f"it is called with ({', '.join(needed)})"
        ) from None


def place_of(made: type) -> str:
    """``file:line`` where a class is defined, for a message; its module where there is no source."""
    try:
        return f"{shown(Path(inspect.getsourcefile(made) or ''))}:{inspect.getsourcelines(made)[1]}"
    except (OSError, TypeError):
        return made.__module__


def _broken(made: type, what: str) -> BrokenPluginError:
    return BrokenPluginError(f"{place_of(made)}: class {made.__name__} {what}")


def _base(kind: str) -> type | None:
    module, _, name = KINDS[kind].base.partition(":")
    return getattr(import_module(module), name) if module else None


def _is_protocol(base: type) -> bool:
    return bool(getattr(base, "_is_protocol", False))


def _is_dataclass(made: type) -> bool:
    """Whether the class itself, and not only one it derives from, was made a dataclass."""
    return "__dataclass_fields__" in vars(made)
