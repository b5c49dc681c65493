"""Top-k: which of the kept coordinates travel, as a mask in the part "chosen"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Bools
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Slot, Values


def budget(count: int, share: float) -> int:
    """How many of ``count`` values travel: the share, rounded, and at least one if there are any."""
    return min(count, max(1, round(share * count)))


def choose(values: Sequence[Values], slots: Sequence[Slot], share: float) -> Mask:
    """The largest magnitudes over all slots together, exactly ``budget`` of them, ties by position."""
    sizes = [slot.size for slot in slots]
    magnitudes = np.concatenate([np.empty(0, np.float32), *values])
    np.abs(magnitudes, out=magnitudes)
    chosen = _largest(magnitudes, budget(sum(sizes), share))
    pieces = np.split(chosen, np.cumsum(sizes)[:-1]) if sizes else []
    return Mask({slot.name: _spread(piece, slot) for piece, slot in zip(pieces, slots, strict=True)})


def narrow(slots: Sequence[Slot], chosen: Mask) -> list[Slot]:
    """The slots narrowed to the coordinates that are chosen."""
    return [Slot(slot.name, slot.shape, np.flatnonzero(chosen[slot.name])) for slot in slots]


def check(slots: Sequence[Slot], chosen: Mask, share: float) -> None:
    """Raises CodecError unless ``chosen`` has the right number of coordinates, all of them in ``slots``."""
    expected = budget(sum(slot.size for slot in slots), share)
    if chosen.kept != expected:
        raise CodecError(f"chosen: {chosen.kept} coordinates, {expected} are expected")
    for slot in slots:
        if slot.places is None:
            continue
        flat = chosen[slot.name].reshape(-1)
        if np.count_nonzero(flat.take(slot.places)) != np.count_nonzero(flat):
            raise CodecError(f"chosen: a pruned coordinate of {slot.name}")


def _largest(magnitudes: Values, count: int) -> Bools:
    chosen = np.zeros(magnitudes.size, np.bool_)
    if not count:
        return chosen
    least = np.partition(magnitudes, magnitudes.size - count)[magnitudes.size - count]
    np.greater(magnitudes, least, out=chosen)
    ties = np.flatnonzero(magnitudes == least)
    chosen[ties[: count - int(np.count_nonzero(chosen))]] = True
    return chosen


def _spread(chosen: Bools, slot: Slot) -> Bools:
    """Bools of the parameter's shape from those of its slot."""
    if slot.places is None:
        return chosen.reshape(slot.shape)
    full = np.zeros(slot.shape, np.bool_)
    full.reshape(-1)[slot.places] = chosen
    return full
