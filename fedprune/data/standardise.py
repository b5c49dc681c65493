"""Features of a table from its training samples, and what a model is given of stored features."""

from __future__ import annotations

import numpy as np

from fedprune.data.schema import Features
from fedprune.types import Array


def table_features(training: Array, names: tuple[str, ...] = ()) -> Features:
    """The features of a table whose columns are standardised by the training samples (N, columns).

    A column that never varies is only centred.
    """
    mean = training.mean(axis=0, dtype=np.float64)
    std = training.std(axis=0, dtype=np.float64)
    std[std == 0] = 1.0
    return Features(
        shape=(training.shape[1],),
        dtype="float32",
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        names=names,
    )


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
    each = (-1, *[1] * (len(features.shape) - 1))
    if features.dtype != "uint8":
        # In float64: a column may lie far from zero, as years do.
        mean, std = np.reshape(features.mean, each), np.reshape(features.std, each)
        return np.asarray((x - mean) / std, dtype=np.float32)
    scale = np.asarray([1 / (255 * std) for std in features.std], dtype=np.float32).reshape(each)
    pairs = zip(features.mean, features.std, strict=True)
    shift = np.asarray([mean / std for mean, std in pairs], dtype=np.float32).reshape(each)
    scaled *= scale
    scaled -= shift
    return scaled
