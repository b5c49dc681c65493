"""Updates to measure codecs on: saved ones from safetensors files, and synthetic ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from fedprune.pruning.mask import Mask
from fedprune.runs.files import explained
from fedprune.seeds import generator
from fedprune.types import Arrays, Shapes, UserError
from fedprune.wire.bits import Specimen


class UpdateError(UserError):
    """A file that holds no update, or a mask that does not fit one."""


def saved(path: Path, mask: Path | None = None) -> Specimen:
    """The floating arrays of a safetensors file, or the final weights of a run's folder.

    Raises UpdateError for files that are damaged or hold no finite numbers, and for a mask of other names or
    shapes; RunError for files that cannot be read.
    """
    path = path / "final" / "weights.safetensors" if path.is_dir() else path
    arrays = {
        name: value.astype(np.float32) for name, value in _arrays(path).items() if value.dtype.kind == "f"
    }
    if not arrays:
        raise UpdateError(f"{path}: holds no array of floating numbers; give a file with weights")
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            raise UpdateError(f"{path}: {name} holds NaN or inf, which never travels; give finite weights")
    return Specimen(arrays, None if mask is None else _mask(mask, arrays))


def synthetic(model: str, kept: float) -> Specimen:
    """A keyed update of a model for 32 by 32 colour images in 10 classes, and the mask after it.

    Both sides hold weights w, normal with the variance 1 / fan-in that keeps signals in scale; the update is
    a tenth as large. Of each parameter with two or more axes the share ``kept``, in (0, 1], of the largest
    |w + update| stays.
    """
    rng = generator(0, "synthetic update")
    held: Arrays = {}
    arrays: Arrays = {}
    mask = Mask()
    for name, shape in _shapes(model).items():
        fan_in = max(1, int(np.prod(shape[1:])))
        held[name] = (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
        arrays[name] = (0.1 * rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
        if len(shape) > 1:
            sizes = np.abs(held[name] + arrays[name])
            least = np.sort(sizes, axis=None)[::-1][max(1, round(kept * sizes.size)) - 1]
            mask[name] = sizes >= least
    return Specimen(arrays, mask, held)


def _shapes(model: str) -> Shapes:
    from fedprune.models import architecture

    return architecture(model, (3, 32, 32), 10).shapes


def _arrays(path: Path) -> Arrays:
    with explained("read", path):
        data = path.read_bytes()
    try:
        found: Arrays = load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UpdateError(f"{path}: {error}; give a safetensors file of NumPy's dtypes") from None
    return found


def _mask(path: Path, arrays: Arrays) -> Mask:
    found = _arrays(path)
    for name, kept in found.items():
        if name not in arrays or kept.shape != arrays[name].shape:
            expected = f"of shape {arrays[name].shape}" if name in arrays else "not there"
            raise UpdateError(
                f"{path}: {name} has shape {kept.shape}, in the update it is {expected}; give its mask"
            )
    try:
        return Mask(found)
    except ValueError as error:
        raise UpdateError(f"{path}: {error}") from None
