"""The declaration of a known data set: where its samples come from, and what they are.

A plug-in file in ``data/sets`` holds one of these in its constant ``SET``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fedprune.data.images import decode_images
from fedprune.data.schema import Content, Features, Samples, Targets


@dataclass(frozen=True)
class BundledSet:
    """A set that needs no files: ``read`` gives all of it, the same at every call."""

    read: Callable[[], Content]


@dataclass(frozen=True)
class HubSet:
    """A set of Parquet files, local or from the Hugging Face hub."""

    repo: str
    """The repository on the hub, "owner/name"."""
    features: Features
    targets: Targets
    task: str = "classification"
    x: tuple[str, ...] = ("image", "img")
    """The names that a source may give the column of the features; the first found is read."""
    y: tuple[str, ...] = ("label",)
    """The names that a source may give the column of the targets."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Our name of a further column -> the names that a source may give it."""
    client_key: str | None = None
    """Which of ``columns`` says whose a sample is; of each client's samples a tenth becomes the test split
    where a set is published without one."""
    test_gap: int | None = None
    """Where that tenth is the last of a client's samples: how many before it are left out, since they overlap
    with it. Unless given, the tenth is drawn at random."""
    decode: Callable[[str, Any, HubSet], Samples] = decode_images
    """Makes samples of one split: called with where it was read, the table, and this declaration."""
