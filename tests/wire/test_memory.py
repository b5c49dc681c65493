"""What codecs take beside the values: NumPy's share of it; tests/benchmarks/bench_codec.py measures all."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays
from fedprune.wire.bits import KEYS, codecs
from fedprune.wire.codec import Encoded, Reference, decode_payload, encode_payload
from fedprune.wire.pipeline import Pipeline
from fedprune.wire.quantizers.uniform import Uniform

SHAPE = (512, 1024)
MOST = 4.0
REMEMBERS = {
    "update": Pipeline("context", Uniform(), "ans", base="update"),
    "tracked": Pipeline(quantizer=Uniform(4), entropy="ans", base="tracked"),
    "sparse": Pipeline(
        quantizer=Uniform(4), entropy="ans", base="update", sparsify=0.05, feedback="residual"
    ),
}
EVERY = {name: made for name, made in codecs().items() if not name.startswith("low_rank")} | REMEMBERS


def normal(seed: int) -> Arrays:
    return {"w": np.random.default_rng(seed).standard_normal(SHAPE, np.float32)}


def peak(work: Callable[[], object]) -> float:
    """Bytes at most, over those of the values."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / (4 * np.prod(SHAPE))
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", EVERY)
def test_a_codec_takes_at_most_four_times_the_values_each_way(name: str) -> None:
    pipeline, arrays, held = EVERY[name], normal(0), normal(1)
    reference = Reference(Mask(), held, normal(2) if pipeline.base == "tracked" else {})
    mask = Mask({"w": np.abs(held["w"]) > 0.67}) if pipeline.mask == "context" else None
    maskable = {} if mask is None else {"w": SHAPE}
    encoded: list[Encoded] = []
    assert peak(lambda: encoded.append(encode_payload(arrays, mask, reference, pipeline, KEYS))) <= MOST
    parts = encoded[0].parts
    assert (
        peak(
            lambda: decode_payload(parts, {"w": SHAPE}, reference, maskable, mask is not None, pipeline, KEYS)
        )
        <= MOST
    )
