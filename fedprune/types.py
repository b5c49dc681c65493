"""Plain names shared by every room: arrays by parameter name, shapes by parameter name, a name's layer,
what a reply may take, the user's errors, and text that is safe to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]
"""Parameter name -> array; weights are float32 in full (unshrunk) coordinates unless said otherwise."""

Shapes = Mapping[str, tuple[int, ...]]
"""Parameter name -> full shape."""

Bools = NDArray[np.bool_]

Way = Literal["down", "up"]
"""The direction of a message: down from the server to a client, or up from a client to the server."""

NodeConfig = dict[str, bool | float | int | str]
"""What a client's machine is told when it joins, Flower's node_config: settings of the place, not of the
run."""


@dataclass(frozen=True)
class Bounds:
    """What one reply may take."""

    seconds: float | None = None
    """Seconds from when work on the order begins; None for as long as its worker is seen to work."""
    reply_bytes: int | None = None
    """Bytes on the wire; None for as many as a message may have at all."""


def layer_of(name: str) -> str:
    """The layer that a parameter or statistic belongs to, by its name: ``bn1`` of ``bn1.running_mean``."""
    return name.rpartition(".")[0]


LONGEST_LINE = 1000
"""Characters of a line for a person; what is longer echoes something that nobody wants to read."""


class UserError(Exception):
    """Something the user can mend: the command line prints its one line and exits with status 2.

    The text may quote anything that came from outside: it becomes one clean line here, once for all of these
    errors.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(shortened(text)))


def printable(text: str) -> str:
    """``text`` on one line that a terminal may have: line breaks, control codes and halves of surrogate pairs
    as Python escapes them."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """``text`` as ``printable`` has it, line by line."""
    return "\n".join(printable(line) for line in text.split("\n"))


def shortened(text: str, most: int = LONGEST_LINE) -> str:
    """``text``, without its middle where it is longer than ``most`` characters: both ends say most."""
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end - 5]} ... {text[-end:]}"
