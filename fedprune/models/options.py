"""Options of a model: what its ``build`` takes beside what the data decide, checked by name and by type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from fedprune.models import GIVEN, ModelError
from fedprune.plugins import suggest

if TYPE_CHECKING:
    from fedprune.models import Architecture


def checked(name: str, build: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """``options``, each of the type ``build`` (a function, or a class by its constructor) declares for it.

    Raises ModelError, naming the option, for one that ``build`` does not take, that is missing, or of another
    type (strictly: 1 is not a bool).
    """
    signature = inspect.signature(build)
    # The first two are the input shape and the number of outputs.
    named = [
        parameter.name
        for parameter in list(signature.parameters.values())[2:]
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    known = [option for option in named if option not in GIVEN]
    anything = any(item.kind is item.VAR_KEYWORD for item in signature.parameters.values())
    hints = _hints(build)
    found: dict[str, Any] = {}
    for option, value in options.items():
        if option in GIVEN or (option not in known and not anything):
            raise ModelError(f"model '{name}': unknown option '{option}'{_known(option, known)}")
        try:
            found[option] = TypeAdapter(hints.get(option, Any)).validate_python(value, strict=True)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].lower()
            raise ModelError(f"model '{name}': option '{option}' = {value!r}: {problem}") from None
    try:
        signature.bind((), 0, **found, **{name: None for name in GIVEN if name in named})
    except TypeError as error:
        raise ModelError(
            f"model '{name}': {error}; it is called with (input_shape, outputs, **options)"
        ) from None
    return found


def check_inputs(made: Architecture, build: Callable[..., Any]) -> None:
    """Raises ModelError for a model that needs token ids where the data are numbers, and for a bundled one
    that takes numbers where the data are token ids; what a user's own takes is found by trying it."""
    parameter = inspect.signature(build).parameters.get("vocabulary")
    needs = parameter is not None and parameter.default is parameter.empty
    if needs and made.vocabulary is None:
        raise ModelError(
            f"model '{made.name}' takes token ids and the data set has none; use text, or a model of numbers"
        )
    if parameter is None and made.vocabulary is not None and not made.imported:
        raise ModelError(
            f"model '{made.name}' takes numbers and the data are token ids; use a model of token ids"
        )


def _hints(build: Callable[..., Any]) -> dict[str, Any]:
    called: Any = vars(build).get("__init__", build) if isinstance(build, type) else build
    try:
        return get_type_hints(called)
    except NameError:
        return {}  # of a user's class, imported for type checkers only


def _known(option: str, known: list[str]) -> str:
    return suggest(option, known) if known else "; it takes none"
