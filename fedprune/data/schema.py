"""What one sample of a data set is: the shape and kind of its features and of its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fedprune.types import Array


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
class Features:
    """The features of one sample.

    Images are stored as uint8 (C, H, W), tables as float32 (columns,), texts as token ids (length,). A model
    is given float32 values, or int64 where there is a vocabulary.
    """

    shape: tuple[int, ...]
    dtype: str = "uint8"
    """The numpy dtype in which the features are stored."""
    vocabulary: int | None = None
    """How many token ids there are, 0..vocabulary-1; None where features are values."""
    mean: tuple[float, ...] | None = None
    """What is subtracted before training, a value for each entry of the first axis (channel or column).

    For uint8 features both this and ``std`` are of values scaled to 0..1. None: features stay as they are.
    """
    std: tuple[float, ...] | None = None
    """What the difference is divided by; given whenever ``mean`` is."""
    augmentation: Augmentation | None = None
    """How training samples may be changed; None where no change is known to be harmless."""
    names: tuple[str, ...] = ()
    """The names of a table's columns, in order."""


@dataclass(frozen=True)
class Targets:
    """The target of one sample: a label where there are ``classes``, else one value or several."""

    shape: tuple[int, ...] = ()
    dtype: str = "int64"
    """The numpy dtype of what a loss is given: int64 for labels and tokens, float32 for values."""
    classes: int | None = None
    """How many labels there are, 0..classes-1; None where targets are values."""
    names: tuple[str, ...] = ()
    """The names of the classes, or of the values of a target that has several."""
    unit: str = ""
    """What values are measured in, for tables and reports."""


@dataclass(frozen=True)
class Samples:
    """Samples as they are stored: features and targets (N, *shape each), further columns (N,) by name."""

    x: Array
    y: Array
    columns: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """All of a data set, as a source gives it: samples for training and testing, and what they are."""

    training: Samples
    test: Samples
    features: Features
    targets: Targets
    task: str = "classification"
    """The name of the task that the set is for, unless a scenario says otherwise."""
    client_key: str | None = None
    """The column that says whose a sample is (writer, speaker, site); None where nobody knows."""
