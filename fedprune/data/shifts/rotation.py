"""Each client's images are turned by an angle of its own (feature shift).

As in Rotated MNIST: Ghifary et al., Domain Generalization for Object Recognition with Multi-task
Autoencoders, ICCV 2015; here by right angles, so that no pixel is made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.schema import Features, Targets
from fedprune.data.shifts import Reading
from fedprune.types import Array


@dataclass(frozen=True)
class Rotation:
    """Turn all images of a client by one of these angles, drawn at random."""

    degrees: tuple[int, ...] = (0, 90, 180, 270)
    """The angles that a client may get, multiples of 90."""

    def __post_init__(self) -> None:
        if not self.degrees or any(angle % 90 for angle in self.degrees):
            raise PartitionError("degrees: must be multiples of 90, at least one")

    def check(self, features: Features, targets: Targets) -> None:
        """See ``Shift``."""
        if len(features.shape) != 3 or features.vocabulary is not None:
            raise PartitionError(
                f"shift 'rotation' is for images, not for features of shape {features.shape}"
            )
        _, height, width = features.shape
        if height != width and any(angle % 180 for angle in self.degrees):
            raise PartitionError(
                f"shift 'rotation': images of {height} x {width} do not fit when turned by 90 degrees; set "
                "degrees to multiples of 180"
            )

    def apply(self, x: Array, y: Array, reading: Reading) -> tuple[Array, Array]:
        """See ``Shift``."""
        angle = int(reading.shared().choice(self.degrees))
        return np.ascontiguousarray(np.rot90(x, angle // 90, axes=(2, 3))), y
