"""What a client keeps between rounds, as one version of its state."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.pruning.mask import Mask
from fedprune.runs.store import VersionedStore
from fedprune.types import Arrays


@dataclass(frozen=True)
class Kept:
    """All that a client keeps; empty before its first round."""

    mask: Mask
    """What lives."""
    shared: Mask
    """The mask that the server knows."""
    weights: Arrays
    state: Arrays
    teacher: Arrays
    """What ``[distill]`` keeps beside the strategy."""

    @classmethod
    def load(cls, store: VersionedStore, client: int, round: int) -> Kept:
        rooms: dict[str, Arrays] = {"mask": {}, "shared": {}, "weights": {}, "state": {}, "teacher": {}}
        for key, value in store.load(client, round).items():
            room, name = key.split(":", 1)
            rooms[room][name] = value
        masks = Mask(rooms["mask"]), Mask(rooms["shared"])
        return cls(*masks, rooms["weights"], rooms["state"], rooms["teacher"])

    def arrays(self) -> Arrays:
        return {
            **{f"mask:{name}": kept for name, kept in self.mask.items()},
            **{f"shared:{name}": kept for name, kept in self.shared.items()},
            **{f"weights:{name}": value for name, value in self.weights.items()},
            **{f"state:{name}": value for name, value in self.state.items()},
            **{f"teacher:{name}": value for name, value in self.teacher.items()},
        }
