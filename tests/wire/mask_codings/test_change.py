import numpy as np
import pytest

from fedprune.pruning.mask import Mask
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings import change

RNG_SEED = 7
SHAPES = {"conv.weight": (16, 6, 5, 5), "fc.weight": (120, 400)}


def nested_masks() -> tuple[Mask, Mask]:
    rng = np.random.default_rng(RNG_SEED)
    known = Mask({name: rng.random(shape) < 0.5 for name, shape in SHAPES.items()})
    return Mask({name: kept & (rng.random(kept.shape) < 0.9) for name, kept in known.items()}), known


def test_a_nested_mask_costs_one_bit_a_previously_kept_coordinate_and_one_byte() -> None:
    mask, known = nested_masks()
    assert len(change.encode(mask, known)) == 1 + (known.kept + 7) // 8


def test_revived_coordinates_cost_one_bit_a_previously_pruned_coordinate_more() -> None:
    mask, known = nested_masks()
    mask["fc.weight"][np.unravel_index(np.flatnonzero(~known["fc.weight"])[0], (120, 400))] = True
    length = 1 + (known.kept + 7) // 8 + (known.size - known.kept + 7) // 8
    assert len(change.encode(mask, known)) == length


def test_a_parameter_unknown_to_the_other_side_counts_as_kept() -> None:
    mask = Mask({"a": np.array([True, False, True])})
    assert change.encode(mask, Mask()) == change.encode(mask, None) == b"\x00\x05"


@pytest.mark.parametrize("data", [b"", b"\x02\x05", b"\x00", b"\x00\x0f", b"\x01\x05\x00"])
def test_malformed_changes_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        change.decode(data, {"a": (3,)}, None)


def test_a_known_mask_of_another_shape_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match=r"known mask of a: shape \(4,\), expected \(3,\)") as caught:
        change.decode(b"\x00\x05", {"a": (3,)}, Mask({"a": np.ones(4, np.bool_)}))
    assert not isinstance(caught.value, CodecError)
