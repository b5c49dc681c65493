"""What each side keeps of a client between rounds, as one version of its state: arrays in named rooms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fedprune.federation.protocol.link import SharedMemory
from fedprune.pruning.mask import Mask
from fedprune.runs.store import ClientStore
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class ClientMemory:
    """All that a client keeps; empty before its first round."""

    mask: Mask = field(default_factory=Mask)
    """The client's own mask: what lives."""
    shared: SharedMemory = field(default_factory=SharedMemory)
    """What the server knows as well."""
    weights: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)
    teacher: Arrays = field(default_factory=dict)
    """What ``[distill]`` keeps beside the strategy."""
    residual: Arrays = field(default_factory=dict)
    """What the server did not get of earlier replies."""

    @classmethod
    def load(cls, store: ClientStore, client: int, round: int) -> ClientMemory:
        rooms = _rooms(store.load(client, round))
        return cls(
            Mask(rooms.get("mask")),
            _shared(rooms),
            *(rooms.get(name, {}) for name in ("weights", "state", "teacher", "residual")),
        )

    def arrays(self) -> Arrays:
        own = {"weights": self.weights, "state": self.state, "teacher": self.teacher}
        return _joined({"mask": self.mask, **_of_shared(self.shared), **own, "residual": self.residual})


@dataclass(frozen=True)
class ServerMemory:
    """All that the server keeps of one client."""

    shared: SharedMemory = field(default_factory=SharedMemory)
    """What the client knows as well."""
    residual: Arrays = field(default_factory=dict)
    """What the client did not get of earlier orders."""

    @classmethod
    def load(cls, store: ClientStore, client: int, round: int) -> ServerMemory:
        rooms = _rooms(store.load(client, round))
        return cls(_shared(rooms), rooms.get("residual", {}))

    def arrays(self) -> Arrays:
        return _joined({**_of_shared(self.shared), "residual": self.residual})


def _of_shared(shared: SharedMemory) -> dict[str, Mapping[str, Array]]:
    return {"shared": shared.mask, "held": shared.held, "up": shared.up, "down": shared.down}


def _shared(rooms: Mapping[str, Arrays]) -> SharedMemory:
    return SharedMemory(Mask(rooms.get("shared")), *(rooms.get(name, {}) for name in ("held", "up", "down")))


def _rooms(arrays: Arrays) -> dict[str, Arrays]:
    """Room -> its arrays."""
    rooms: dict[str, Arrays] = {}
    for key, value in arrays.items():
        room, _, name = key.partition(":")
        rooms.setdefault(room, {})[name] = value
    return rooms


def _joined(rooms: Mapping[str, Mapping[str, Array]]) -> Arrays:
    return {f"{room}:{name}": value for room, entries in rooms.items() for name, value in entries.items()}
