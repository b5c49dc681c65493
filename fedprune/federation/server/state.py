"""What the server carries from round to round, and its form in a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

from fedprune.federation.server.versions import Versions
from fedprune.types import Arrays


@dataclass(frozen=True)
class ServerState:
    """The server after a whole round; replaced by the next one, never changed."""

    round: int
    weights: Arrays
    memory: Arrays = field(default_factory=dict)
    """The strategy's own arrays."""
    moments: Arrays = field(default_factory=dict)
    """What the server optimizer remembers."""
    versions: Versions = field(default_factory=Versions)
    """Client -> round of the last version of its memory that the server accepted."""


def arrays_of(state: ServerState) -> Arrays:
    """A state as named arrays, for a checkpoint."""
    return {
        **{f"weights:{name}": value for name, value in state.weights.items()},
        **{f"memory:{name}": value for name, value in state.memory.items()},
        **{f"moments:{name}": value for name, value in state.moments.items()},
        "versions": state.versions.table(),
    }


def state_of(arrays: Arrays, round: int) -> ServerState:
    """Inverse of ``arrays_of``."""

    def room(name: str) -> Arrays:
        return {key.split(":", 1)[1]: value for key, value in arrays.items() if key.startswith(f"{name}:")}

    versions = Versions.of(arrays["versions"])
    return ServerState(round, room("weights"), room("memory"), room("moments"), versions)
