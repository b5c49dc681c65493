"""The table of codecs says what the codec does: its numbers are made anew here, and no codec is left out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.wire.bits import ENTROPY_CODERS, KEYS, Row, Specimen, codecs, render, table
from fedprune.wire.codec import Reference, decode_payload, encode_payload
from fedprune.wire.frame import pack
from fedprune.wire.pipeline import Pipeline

RNG = np.random.default_rng(0)
ARRAYS = {
    "conv.weight": RNG.standard_normal((8, 3, 5, 5)).astype(np.float32),
    "fc.weight": RNG.standard_normal((40, 50)).astype(np.float32),
    "fc.bias": RNG.standard_normal(40).astype(np.float32),
}
MASK = Mask({name: RNG.random(ARRAYS[name].shape) < 0.4 for name in ("conv.weight", "fc.weight")})
HELD = {name: RNG.standard_normal(value.shape).astype(np.float32) for name, value in ARRAYS.items()}
UPDATE = Specimen(ARRAYS, MASK, HELD)
SIZE = sum(value.size for value in ARRAYS.values())


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.codec: row for row in table(UPDATE, repeats=1)}


@pytest.mark.parametrize("name", codecs())
def test_bytes_and_errors_are_those_of_the_codec(name: str, rows: dict[str, Row]) -> None:
    row, pipeline, reference = rows[name], codecs()[name], Reference(Mask(), HELD)
    parts = encode_payload(ARRAYS, MASK, reference, pipeline, KEYS).parts
    sizes = {part: len(parts.get(part, b"")) for part in ("mask", "values", "side", "dense")}
    assert {part: getattr(row, part) for part in sizes} == sizes
    assert sum(sizes.values()) == sum(map(len, parts.values()))
    assert row.total == len(pack(parts))
    assert row.ratio == 4 * SIZE / row.total
    shapes = {key: value.shape for key, value in ARRAYS.items()}
    covered = {key: kept.shape for key, kept in MASK.items()}
    decoded = decode_payload(parts, shapes, reference, covered, True, pipeline, KEYS).arrays
    squares = {key: float(np.square(value, dtype=np.float64).sum()) for key, value in decoded.items()}
    kept = MASK.apply(ARRAYS)
    lost = sum(float(np.square(decoded[key] - kept[key], dtype=np.float64).sum()) for key in kept)
    energy = sum(float(np.square(value, dtype=np.float64).sum()) for value in kept.values())
    product = sum(float((decoded[key] * kept[key].astype(np.float64)).sum()) for key in kept)
    assert row.relative_l2 == pytest.approx(math.sqrt(lost / energy), rel=1e-5)
    assert row.cosine == pytest.approx(product / math.sqrt(energy * sum(squares.values())), rel=1e-6)
    assert row.encode_ms > 0
    assert row.decode_ms > 0


def test_every_codec_has_its_rows() -> None:
    found = codecs()
    assert {pipeline.mask for pipeline in found.values()} == set(plugins.names("mask_codings"))
    for name in plugins.names("quantizers"):
        kind = plugins.dataclass_of("quantizers", name)
        assert {found[name].entropy, found[f"{name} + ans"].entropy} == set(ENTROPY_CODERS)
        assert found[name].quantizer == found[f"{name} + ans"].quantizer == kind()
    assert found["uniform bits=4 + ans"].quantizer.bits == 4  # type: ignore[attr-defined]
    assert found["ternary rounding=nearest"].quantizer.rounding == "nearest"  # type: ignore[attr-defined]
    assert len(set(map(repr, found.values()))) == len(found) - 1  # the default is "entropy mask" and "fp32"


def test_bounds_are_shannons(rows: dict[str, Row]) -> None:
    entropies = [
        -kept.size * sum(share * math.log2(share) for share in (kept.mean(), 1 - kept.mean()))
        for kept in MASK.values()
    ]
    assert rows["fp32"].mask_bound == pytest.approx(sum(entropies) / 8)
    signs = [ARRAYS[name][kept] >= 0 for name, kept in MASK.items()]
    expected = [
        -run.size * sum(share * math.log2(share) for share in (run.mean(), 1 - run.mean())) for run in signs
    ]
    assert rows["sign"].values_bound == pytest.approx(sum(expected) / 8)
    assert rows["sign"].values_bound <= rows["sign"].values + 1
    assert rows["uniform + ans"].values_bound < rows["uniform + ans"].values < rows["uniform"].values


def test_without_a_mask_none_travels_and_nothing_at_all_has_no_error() -> None:
    used = {"fp32": Pipeline()}
    (dense,) = table(Specimen(ARRAYS), used, repeats=1)
    assert (dense.mask, dense.mask_bound, dense.relative_l2) == (0, 0, 0)
    assert dense.cosine == pytest.approx(1)
    assert dense.values + dense.dense == 4 * SIZE
    (zero,) = table(Specimen({"w": np.zeros((2, 2), np.float32)}), used, repeats=1)
    assert (zero.relative_l2, zero.cosine) == (0, 1)


def test_each_form_shows_every_row(rows: dict[str, Row]) -> None:
    shown = list(rows.values())
    read = json.loads(render(shown, "json"))
    assert [Row(**entry) for entry in read] == shown
    heading, rule, *lines = render(shown, "markdown").splitlines()
    assert heading.count("|") == rule.count("|")
    assert [line.split(" | ")[0] for line in lines] == [f"| {name}" for name in rows]
    heading, _, *lines = render(shown).splitlines()
    assert len({len(line) for line in [heading, *lines]}) == 1
    assert len(lines) == len(rows)
