"""A partitioner or a shift made from the keys of a scenario, each checked against the plug-in's fields."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from fedprune import plugins
from fedprune.data.errors import PartitionError
from fedprune.types import UserError


def configured(kind: str, what: str, name: str, given: Mapping[str, Any]) -> Any:
    """The plug-in ``name`` of a kind with its fields set to ``given``; messages call it ``what``.

    Raises PartitionError for a key that it does not have, or a value that does not suit it.
    """
    from pydantic import TypeAdapter, ValidationError

    definition = plugins.dataclass_of(kind, name)
    hints = typing.get_type_hints(definition)
    known = [field.name for field in dataclasses.fields(definition) if field.init]
    values = {}
    for key, value in given.items():
        if key not in known:
            raise PartitionError(f"{what} '{name}' has no argument '{key}'{plugins.suggest(key, known)}")
        try:
            # As JSON: there a list may become a tuple, yet a text never a number.
            values[key] = TypeAdapter(hints[key]).validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            raise PartitionError(f"{what} '{name}': {key} = {value!r}: {reason}") from None
    try:
        return definition(**values)
    except (TypeError, ValueError, UserError) as error:
        raise PartitionError(f"{what} '{name}': {error}") from None
