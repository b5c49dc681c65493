"""Options of a model: the keyword-only arguments of its ``build``, checked by name and by type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from fedprune.models import ModelError
from fedprune.plugins import suggest


def check(name: str, build: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """``options``, each of the type ``build`` declares for it.

    Raises ModelError, naming the option, for one that ``build`` does not take or of another type (strictly: 1
    is not a bool).
    """
    parameters = inspect.signature(build).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    hints = get_type_hints(build)
    checked: dict[str, Any] = {}
    for option, value in options.items():
        if option not in known:
            raise ModelError(f"model '{name}': unknown option '{option}'{_known(option, known)}")
        try:
            checked[option] = TypeAdapter(hints[option]).validate_python(value, strict=True)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].lower()
            raise ModelError(f"model '{name}': option '{option}' = {value!r}: {problem}") from None
    return checked


def _known(option: str, known: list[str]) -> str:
    return suggest(option, known) if known else "; it takes none"
