"""The declaration of an image classification set: where its samples come from and how they are scaled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fedprune.types import Array


@dataclass(frozen=True)
class Samples:
    """Decoded samples: ``x`` uint8 (N, C, H, W), ``y`` int64 (N,), further columns of length N by name."""

    x: Array
    y: Array
    columns: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Augmentation:
    """How training images may be changed without changing what they show."""

    padding: int
    """Pixels by which an image may be moved each way, as by a random crop of its padded self."""
    flip: bool = False
    """Whether its mirror image (left to right) shows the same."""
    border: int = 0
    """The pixel value, 0..255, of what lies beyond the edge: that of the set's background."""


@dataclass(frozen=True)
class ImageSet:
    """One set; a plug-in file holds one of these in its constant ``SET``.

    ``mean`` and ``std`` are per channel, of pixels scaled to 0..1; their length is the number of channels.
    ``image``, ``label`` and each of ``columns`` list the names a source may give that column, the first found
    is read. ``test_by`` names the column within whose values a keyed tenth becomes the test split, for sets
    published without one. ``augmentation`` is None where no change is known to be harmless. ``read`` returns
    (training, test) samples of a set that needs no files; then ``repo`` is not used.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    num_classes: int
    repo: str = ""
    image: tuple[str, ...] = ("image", "img")
    label: tuple[str, ...] = ("label",)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    test_by: str | None = None
    augmentation: Augmentation | None = None
    read: Callable[[], tuple[Samples, Samples]] | None = None
