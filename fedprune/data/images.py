"""Decoding the images and labels of one split of a known set."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.data.columns import extra_columns, find_column
from fedprune.data.errors import DataError, one_line
from fedprune.data.schema import Samples
from fedprune.types import Array

if TYPE_CHECKING:
    from fedprune.data.declared import HubSet


def decode_images(where: str, table: Any, declared: HubSet) -> Samples:
    """The samples of a ``datasets.Dataset`` of encoded images: uint8 (N, C, H, W), labels int64 (N,).

    Raises DataError when a column is missing, a label is out of range or a cell holds no image.
    """
    import datasets

    image = find_column(where, declared.x, table.column_names)
    label = find_column(where, declared.y, table.column_names)
    columns = extra_columns(where, declared, table)
    y = np.asarray(table.with_format("numpy")[label][:], dtype=np.int64)
    classes = declared.targets.classes or 0
    if len(y) == 0 or y.min() < 0 or y.max() >= classes:
        raise DataError(f"{where}: column '{label}' must hold labels 0..{classes - 1}")
    encoded = table.select_columns([image]).cast_column(image, datasets.Image(decode=False))
    cells = (cell["bytes"] for batch in encoded.iter(1000) for cell in batch[image])
    return Samples(_pixels(where, cells, len(y), declared.features.shape), y, columns)


def _pixels(where: str, images: Iterable[bytes], count: int, shape: tuple[int, ...]) -> Array:
    from PIL import Image, UnidentifiedImageError

    x = np.empty((count, *shape), dtype=np.uint8)
    for position, data in enumerate(images):
        try:
            pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L" if shape[0] == 1 else "RGB"))
        except (UnidentifiedImageError, OSError, TypeError) as error:
            raise DataError(f"{where}: row {position} holds no image ({one_line(error)})") from error
        pixels = pixels[None] if shape[0] == 1 else pixels.transpose(2, 0, 1)
        if pixels.shape != shape:
            raise DataError(f"{where}: row {position} is {pixels.shape} but the set's images are {shape}")
        x[position] = pixels
    return x
