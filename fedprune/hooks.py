"""What a strategy's hooks give back, checked where it is given: a wrong kind of thing would only fail later,
in code that its author never saw."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fedprune.plugins import BrokenPluginError, line_of


def check_returns(made: type, contract: type, payload: type) -> None:
    """Makes each hook that ``made`` overrides refuse to give back what ``contract`` does not promise.

    Told by the contract's return annotations. ``payload`` is the class of what travels.
    """
    for name, hook in vars(contract).items():
        own = vars(made).get(name)
        if inspect.isfunction(hook) and inspect.isfunction(own) and not hasattr(own, "__wrapped__"):
            promised = str(hook.__annotations__.get("return"))
            if promised in _WANTED:
                setattr(made, name, _checked(made, own, promised, payload))


def _checked(made: type, own: Callable[..., Any], promised: str, payload: type) -> Callable[..., Any]:
    fits, wanted = _WANTED[promised]

    @functools.wraps(own)
    def hook(*arguments: Any, **options: Any) -> Any:
        given = own(*arguments, **options)
        if not fits(given, payload):
            called = f"{line_of(own)}: {made.__name__}.{own.__name__}"
            raise BrokenPluginError(f"{called} returns {_shown(given)}; it must return {wanted}")
        return given

    return hook


def _shown(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _is_arrays(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(array, np.ndarray) for array in value.values())


_WANTED: Mapping[str, tuple[Callable[[Any, type], bool], str]] = {
    "Arrays": (lambda value, _: _is_arrays(value), "a dict of numpy arrays by parameter name"),
    "Payload": (
        lambda value, payload: isinstance(value, payload) and _is_arrays(vars(value)["arrays"]),
        "a Payload of a dict of numpy arrays",
    ),
    "Shapes": (lambda value, _: isinstance(value, Mapping), "shapes by parameter name"),
    "tuple[str, ...]": (lambda value, _: isinstance(value, tuple), "a tuple of parameter names"),
    "None": (lambda value, _: value is None, "nothing, and change the client in place"),
}
"""Return annotation of the contract -> whether a value is of that kind, and what it is called."""
