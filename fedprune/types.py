"""Plain names shared by every room: arrays by parameter name, shapes by parameter name, a name's layer,
the user's errors, and text that is safe to show."""

from __future__ import annotations

from collections.abc import Mapping
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


def layer_of(name: str) -> str:
    """The layer that a parameter or statistic belongs to, by its name: ``bn1`` of ``bn1.running_mean``."""
    return name.rpartition(".")[0]


class UserError(Exception):
    """Something the user can mend: the command line prints its one line and exits with status 2."""


def printable(text: str) -> str:
    """``text`` on one line that a terminal may have: line breaks and control codes as Python escapes them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
