"""What codecs make of one update: bytes by part, bounds, error and time, through the real codec.

The codecs are found, not listed: every mask coding with everything else at its default, then every quantizer
at its defaults and with one option changed at a time, with and without entropy coding.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import time
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.text_table import aligned, markdown
from fedprune.types import Arrays
from fedprune.wire.codec import Reference, decode_payload, encode_payload
from fedprune.wire.frame import pack
from fedprune.wire.pipeline import Keys, Pipeline
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Quantizer, Slot, Values

ENTROPY_CODERS = ("none", "ans")
"""With every quantizer; others are an ``entropy`` of a scenario away."""
INTEGERS = (2, 4, 8)
"""The values that an option counted in bits is set to, where its quantizer takes them."""

KEYS = Keys(seed=0, way="up", round=1, client=0)
Form = Literal["text", "markdown", "json"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Specimen:
    """One update to measure codecs on: what a message would carry, and what both sides hold before it."""

    arrays: Arrays
    """The values that a message would carry: float32, finite, in full shapes."""
    mask: Mask | None = None
    """Travels with the values; None: nothing is pruned and no mask travels."""
    held: Arrays = field(default_factory=dict)
    """Weights that both sides hold, for mask codings that look at them."""


@dataclass(frozen=True)
class Row:
    """What one codec makes of one update."""

    codec: str
    mask: int
    """Bytes of the part of this name; the three fields below count theirs alike."""
    values: int
    side: int
    dense: int
    total: int
    """Bytes of all parts in a frame."""
    mask_bound: float
    """Bytes: Shannon's bound on each parameter's mask, its entries independent and its density known."""
    values_bound: float
    """Bytes: the empirical entropy of each run of the quantizer's symbols, without what tells their
    frequencies."""
    ratio: float
    """How often ``total`` goes into all arrays in dense fp32."""
    relative_l2: float
    """|decoded - sent| / |sent| over all that is kept, 0 when both are zero."""
    cosine: float
    """Between decoded and sent, 1 when both are zero."""
    encode_ms: float
    """Median time to encode, in milliseconds."""
    decode_ms: float
    """Median time to decode, in milliseconds."""


def codecs() -> dict[str, Pipeline]:
    """The pipelines to measure, by the name that the table gives them."""
    found = {f"{name} mask": Pipeline(mask=name) for name in plugins.names("mask_codings")}
    for name in plugins.names("quantizers"):
        for options, entropy in itertools.product(_options(name), ENTROPY_CODERS):
            said = [f"{key}={value}" for key, value in options.items()]
            title = " ".join([name, *said, *([] if entropy == "none" else [f"+ {entropy}"])])
            found[title] = Pipeline(
                quantizer=plugins.dataclass_of("quantizers", name)(**options), entropy=entropy
            )
    return found


def table(update: Specimen, pipelines: dict[str, Pipeline] | None = None, *, repeats: int = 5) -> list[Row]:
    """A row for each of ``pipelines``, or of ``codecs()``; times are medians of ``repeats``.

    Raises ValueError for values that are not finite and masks of other shapes.
    """
    chosen = codecs() if pipelines is None else pipelines
    return [_row(name, update, pipeline, repeats) for name, pipeline in chosen.items()]


def render(rows: Sequence[Row], form: Form = "text") -> str:
    """The table for people, in Markdown, or as JSON with all digits."""
    if form == "json":
        return json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
    cells = [[show(row) for show in _COLUMNS.values()] for row in rows]
    return (markdown if form == "markdown" else aligned)(list(_COLUMNS), cells)


_COLUMNS: dict[str, Callable[[Row], str]] = {
    "codec": lambda row: row.codec,
    "mask": lambda row: f"{row.mask:,}",
    "mask bound": lambda row: f"{row.mask_bound:,.0f}",
    "values": lambda row: f"{row.values:,}",
    "values bound": lambda row: f"{row.values_bound:,.0f}",
    "side": lambda row: f"{row.side:,}",
    "dense": lambda row: f"{row.dense:,}",
    "total": lambda row: f"{row.total:,}",
    "ratio": lambda row: f"{row.ratio:.2f}",
    "rel. L2": lambda row: f"{row.relative_l2:.4f}",
    "cosine": lambda row: f"{row.cosine:.5f}",
    "encode ms": lambda row: f"{row.encode_ms:.2f}",
    "decode ms": lambda row: f"{row.decode_ms:.2f}",
}


def _options(name: str) -> list[dict[str, Any]]:
    """The options to measure a quantizer with: its defaults, then one field changed at a time.

    Fields are changed that take finitely many values or whole numbers.
    """
    made = plugins.dataclass_of("quantizers", name)
    hints, found = typing.get_type_hints(made), [dict[str, Any]()]
    for item in dataclasses.fields(made):
        values = typing.get_args(hints[item.name]) or (INTEGERS if hints[item.name] is int else ())
        found += [
            {item.name: value}
            for value in values
            if value != item.default and _takes(made, {item.name: value})
        ]
    return found


def _takes(made: Callable[..., object], options: dict[str, Any]) -> bool:
    try:
        made(**options)
    except ValueError:
        return False
    return True


@dataclass
class _Watched:
    """A quantizer, and the entropy in bits of what it made last."""

    inner: Quantizer
    bits: float = 0.0

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """The quantizer's own answer, as are those of the other methods."""
        return self.inner.alphabets(slots)

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        return self.inner.side_bytes(slots)

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        quantized = self.inner.quantize(values, slots, noise, shared)
        self.bits = sum(_entropy(np.bincount(run)) for run in quantized.symbols if run.size)
        return quantized

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        return self.inner.dequantize(quantized, slots, shared)


def _row(name: str, update: Specimen, pipeline: Pipeline, repeats: int) -> Row:
    reference = Reference(Mask(), update.held)
    shapes = {key: value.shape for key, value in update.arrays.items()}
    travels = update.mask is not None
    maskable = {key: kept.shape for key, kept in (update.mask or {}).items()}
    watched = _Watched(pipeline.quantizer)
    bound = dataclasses.replace(pipeline, quantizer=watched)
    encode_payload(update.arrays, update.mask, reference, bound, KEYS)
    encode_ms, encoded = _timed(
        lambda: encode_payload(update.arrays, update.mask, reference, pipeline, KEYS), repeats
    )
    decode_ms, decoded = _timed(
        lambda: decode_payload(encoded.parts, shapes, reference, maskable, travels, pipeline, KEYS), repeats
    )
    sent = update.arrays if update.mask is None else update.mask.apply(update.arrays)
    relative, cosine = _error(sent, decoded.arrays)
    total = len(pack(encoded.parts))
    return Row(
        codec=name,
        **{part: len(encoded.parts.get(part, b"")) for part in ("mask", "values", "side", "dense")},
        total=total,
        mask_bound=sum(_mask_entropies(update.mask)) / 8,
        values_bound=watched.bits / 8,
        ratio=4 * sum(value.size for value in update.arrays.values()) / total,
        relative_l2=relative,
        cosine=cosine,
        encode_ms=encode_ms,
        decode_ms=decode_ms,
    )


def _timed(work: Callable[[], Result], repeats: int) -> tuple[float, Result]:
    """Milliseconds, the median, and what came out."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times), result


def _entropy(counts: Sequence[int] | np.ndarray[Any, Any]) -> float:
    """Bits of all symbols that occur so often."""
    there = np.asarray([count for count in counts if count], np.float64)
    return float(there @ np.log2(there.sum() / there))


def _mask_entropies(mask: Mask | None) -> Iterator[float]:
    for kept in (mask or {}).values():
        count = int(np.count_nonzero(kept))
        yield _entropy([count, kept.size - count])


def _error(sent: Arrays, decoded: Arrays) -> tuple[float, float]:
    """Relative L2 error and cosine, in double precision over all arrays."""
    wanted, found = (
        np.concatenate([np.empty(0), *(arrays[name].reshape(-1).astype(np.float64) for name in sent)])
        for arrays in (sent, decoded)
    )
    norm, other = float(np.linalg.norm(wanted)), float(np.linalg.norm(found))
    lost = float(np.linalg.norm(found - wanted))
    if not norm or not other:
        return (lost / norm if norm else float(lost > 0)), float(norm == other)
    return lost / norm, float(wanted @ found) / (norm * other)
