"""Sparse training from a fixed budget: how many weights each layer keeps, which ones first, and which move.

Layer densities after Erdos-Renyi-kernel (ERK): Mocanu et al., Nature Communications 2018, for linear layers,
and Evci et al., ICML 2020 (RigL, arXiv 1911.11134), for kernels; drop by magnitude, regrowth by gradient and
the cosine schedule are RigL's too. All functions are pure; counts are exact and ties go by index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from fedprune.pruning.criteria import magnitude
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import smallest
from fedprune.types import Arrays, Bools, Shapes

Layers = Literal["erk", "uniform"]
"""How a total density is spread: more to small layers (ERK), or the same share to each."""


def erk_densities(shapes: Shapes, density: float) -> dict[str, float]:
    """Parameter name -> kept share, proportional to sum(shape) / prod(shape) and at most 1.

    ``shapes`` are of kernels (out, in, height, width) and matrices (out, in). What a layer cannot take goes
    to the others in proportion, so that together they keep ``density`` of all weights. Raises ValueError
    unless 0 < density <= 1.
    """
    _check(density)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    scarce = dict(shapes)
    scale = 0.0
    while scarce:
        whole = sum(size for name, size in sizes.items() if name not in scarce)
        left = density * sum(sizes.values()) - whole
        scale = left / sum(sum(shape) for shape in scarce.values())
        # Making these whole only raises the scale, so none of them would have stayed below 1.
        full = [name for name, shape in scarce.items() if scale * sum(shape) >= sizes[name]]
        if not full:
            break
        for name in full:
            del scarce[name]
    return {name: scale * sum(shapes[name]) / sizes[name] if name in scarce else 1.0 for name in shapes}


def layer_counts(shapes: Shapes, density: float, layers: Layers) -> dict[str, int]:
    """Parameter name -> number of weights to keep; together round(density * all), exactly.

    What rounding down leaves over goes one each to the largest fractions. Raises ValueError unless 0 <
    density <= 1.
    """
    _check(density)
    shares = erk_densities(shapes, density) if layers == "erk" else dict.fromkeys(shapes, density)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    exact = {name: shares[name] * sizes[name] for name in shapes}
    counts = {name: min(sizes[name], math.floor(value)) for name, value in exact.items()}
    rest = round(density * sum(sizes.values())) - sum(counts.values())
    open_to_more = [name for name in shapes if counts[name] < sizes[name]]
    for name in sorted(open_to_more, key=lambda name: counts[name] - exact[name])[:rest]:
        counts[name] += 1
    return counts


def random_mask(shapes: Shapes, counts: Mapping[str, int], rng: np.random.Generator) -> Mask:
    """A mask that keeps ``counts[name]`` places of each parameter, each place as likely as any other."""
    mask = Mask()
    for name, shape in shapes.items():
        kept = np.zeros(math.prod(shape), np.bool_)
        kept[rng.permutation(kept.size)[: counts[name]]] = True
        mask[name] = kept.reshape(shape)
    return mask


def keep_largest(values: Arrays, mask: Mask, counts: Mapping[str, int]) -> Mask:
    """The ``counts[name]`` largest |value| of what ``mask`` keeps in each parameter, all of it if fewer.

    NaN counts as the smallest.
    """
    return _largest(values, {name: _alive(values, mask, name) for name in counts}, counts)


def regrow(mask: Mask, gradient: Arrays, counts: Mapping[str, int]) -> Mask:
    """``mask`` and beside it the ``counts[name]`` largest |gradient| of what is dead in each parameter.

    ``gradient`` is dense, of full shapes. All that is dead comes alive where it is fewer than that.
    """
    dead = {name: ~_alive(gradient, mask, name) for name in counts}
    grown = _largest(gradient, dead, counts)
    return Mask({**mask, **{name: ~dead[name] | grown[name] for name in counts}})


def drop_and_regrow(
    mask: Mask, weights: Arrays, gradient: Arrays, share: float, names: Sequence[str]
) -> Mask:
    """A mask of the same count in each of ``names``: floor(share * kept) places move.

    Those of the smallest |weight| are dropped, then as many of the largest |gradient| come alive among all
    that is dead, the dropped ones too, as in RigL. Raises ValueError unless 0 <= share <= 1.
    """
    dropped = magnitude.prune(weights, mask, share, names)
    before = {name: int(np.count_nonzero(_alive(weights, mask, name))) for name in names}
    return regrow(
        dropped, gradient, {name: before[name] - int(np.count_nonzero(dropped[name])) for name in names}
    )


def cosine_share(start: float, step: int, end: int) -> float:
    """``start`` / 2 * (1 + cos(pi * step / end)): ``start`` at step 0, and 0 from ``end`` on."""
    return start / 2 * (1 + math.cos(math.pi * step / end)) if step < end else 0.0


def _largest(values: Arrays, among: Arrays, counts: Mapping[str, int]) -> Mask:
    """The ``counts[name]`` largest |value| of the places True in ``among[name]``."""
    mask = Mask()
    for name, count in counts.items():
        places = np.flatnonzero(among[name])
        scores = np.abs(values[name].reshape(-1)[places])
        chosen = np.zeros(values[name].size, np.bool_)
        chosen[places[smallest(-scores, min(count, places.size))]] = True
        mask[name] = chosen.reshape(values[name].shape)
    return mask


def _alive(values: Arrays, mask: Mask, name: str) -> Bools:
    return mask[name] if name in mask else np.ones(values[name].shape, np.bool_)


def _check(density: float) -> None:
    if not 0 < density <= 1:
        raise ValueError(f"a density lies in (0, 1], got {density}")
