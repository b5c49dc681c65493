"""Features of a table from its training samples, and what a model is given of stored features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from fedprune.data.schema import Features
from fedprune.types import Array

CHUNK = 4096
"""Samples of which statistics are taken at a time, so that features are never in memory as float64."""


def table_features(training: Array, names: tuple[str, ...] = ()) -> Features:
    """The features of a table whose columns are standardised by the training samples (N, columns)."""
    return standardised(np.asarray(training, np.float32), names)


def standardised(training: Array, names: tuple[str, ...] = ()) -> Features:
    """Features of the shape of these training samples (N, *shape), standardised per entry of their first
    axis.

    An entry that never varies is only centred. uint8 features count as scaled to 0..1.
    """
    axes = tuple(axis for axis in range(training.ndim) if axis != 1)
    count = training.size // training.shape[1]
    mean = sum(part.sum(axis=axes) for part in _parts(training)) / count
    each = (-1, *[1] * (training.ndim - 2))
    squares = sum(((part - np.reshape(mean, each)) ** 2).sum(axis=axes) for part in _parts(training))
    std = np.sqrt(squares / count)
    std[std == 0] = 1.0
    return Features(
        shape=training.shape[1:],
        dtype=training.dtype.name,
        mean=tuple(np.asarray(mean).tolist()),
        std=tuple(std.tolist()),
        names=names,
    )


def _parts(x: Array) -> Iterator[Array]:
    unit = 255 if x.dtype == np.uint8 else 1
    for start in range(0, len(x), CHUNK):
        yield x[start : start + CHUNK].astype(np.float64) / unit


def normalise(x: Array, features: Features) -> Array:
    """Stored features (..., *shape) as a model is given them: float32, or int64 where they are token ids.

    Mean and standard deviation are taken out where the set declares them, per entry of the first axis of a
    sample (an image's channel, a table's column).
    """
    if features.vocabulary is not None:
        return x.astype(np.int64)
    scaled = x.astype(np.float32)
    if features.mean is None or features.std is None:
        return scaled
    mean, std = along_first_axis(features.mean, features), along_first_axis(features.std, features)
    if features.dtype != "uint8":
        # In float64: a column may lie far from zero, as years do.
        return np.asarray((x - mean) / std, dtype=np.float32)
    scale, shift = of_pixels(mean, std)
    scaled *= scale
    scaled -= shift
    return scaled


def along_first_axis(values: Sequence[float], features: Features) -> Array:
    """A value for each entry of the first axis of a sample, float64, shaped to broadcast over samples."""
    return np.reshape(np.asarray(values, np.float64), (-1, *[1] * (len(features.shape) - 1)))


def of_pixels(mean: Array, std: Array) -> tuple[Array, Array]:
    """float32 (scale, shift) of which pixels 0..255 are normalised as ``pixels * scale - shift``.

    ``mean`` and ``std`` are of pixels scaled to 0..1.
    """
    return (1 / (255 * std)).astype(np.float32), (mean / std).astype(np.float32)
