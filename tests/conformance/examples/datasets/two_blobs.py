"""Two clouds of points in the plane, one a class; made here, needs no download."""

from __future__ import annotations

import numpy as np

from fedprune.data.declared import BundledSet
from fedprune.data.schema import Content, Features, Samples, Targets
from fedprune.seeds import generator


def _cloud(purpose: str, count: int) -> Samples:
    y = np.arange(count, dtype=np.int64) % 2
    x = generator(0, purpose).normal(size=(count, 2)) + 3 * y[:, np.newaxis]
    return Samples(x.astype(np.float32), y)


def read() -> Content:
    """800 training and 200 test samples."""
    features = Features((2,), dtype="float32")
    return Content(_cloud("blobs train", 800), _cloud("blobs test", 200), features, Targets(classes=2))


SET = BundledSet(read)
