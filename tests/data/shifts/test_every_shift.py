"""Every shift, found without a list: the same at every reading, different between clients, alike in all
parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.data.client_samples import ClientSamples, make_shift
from fedprune.data.dataset import Dataset, load_dataset
from fedprune.data.errors import PartitionError
from fedprune.data.partition import make_partition

SHIFTS = plugins.names("shifts")
CLIENTS = 12


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def samples(dataset: Dataset, name: str | None, seed: int = 0, **keys: Any) -> ClientSamples:
    partition = make_partition(dataset, "iid", CLIENTS, {}, 0.2, "global", 0)
    shift = make_shift(None if name is None else {"name": name, **keys}, dataset)
    return ClientSamples(dataset, partition, shift, seed)


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_keeps_shapes_and_is_the_same_at_every_reading(digits: Dataset, name: str) -> None:
    plain, shifted, again = samples(digits, None), samples(digits, name), samples(digits, name)
    for client in range(CLIENTS):
        for read in ("validation", "testing", "training"):
            (x, y), (other_x, other_y) = (getattr(side, read)(client) for side in (shifted, again))
            np.testing.assert_array_equal(x, other_x)
            np.testing.assert_array_equal(y, other_y)
            before = getattr(plain, read)(client)
            assert (x.shape, x.dtype) == (before[0].shape, before[0].dtype)
            assert (y.shape, y.dtype) == (before[1].shape, before[1].dtype)
            assert x.flags.c_contiguous


@pytest.mark.parametrize("name", SHIFTS)
def test_clients_differ_and_another_seed_gives_other_shifts(digits: Dataset, name: str) -> None:
    # All are tested on the same samples, so only the shift can make them differ.
    told = [samples(digits, name).testing(client) for client in range(CLIENTS)]
    other = [samples(digits, name, seed=1).testing(client) for client in range(CLIENTS)]
    assert len({(x.tobytes(), y.tobytes()) for x, y in told}) > 1
    assert any(
        a[0].tobytes() + a[1].tobytes() != b[0].tobytes() + b[1].tobytes()
        for a, b in zip(told, other, strict=True)
    )


def test_rotation_turns_all_parts_of_a_client_alike(digits: Dataset) -> None:
    plain, shifted = samples(digits, None), samples(digits, "rotation")
    for client in range(CLIENTS):
        turns = [
            [k for k in range(4) if np.array_equal(np.rot90(before[0], k, axes=(2, 3)), after[0])]
            for before, after in (
                (plain.training(client), shifted.training(client)),
                (plain.testing(client), shifted.testing(client)),
            )
        ]
        assert len(turns[0]) == 1
        assert turns[0] == turns[1]


def test_label_permutation_renames_the_named_classes_only(digits: Dataset) -> None:
    plain, shifted = samples(digits, None), samples(digits, "label_permutation", labels=[1, 2, 3])
    for client in range(CLIENTS):
        before, after = plain.training(client)[1], shifted.training(client)[1]
        meaning = {old: set(after[before == old].tolist()) for old in range(10)}
        assert all(meaning[old] == {old} for old in (0, *range(4, 10)))
        assert sorted(next(iter(meaning[old])) for old in (1, 2, 3)) == [1, 2, 3]
    everything = samples(digits, "label_permutation").testing(0)[1]
    assert sorted(np.bincount(everything)) == sorted(np.bincount(digits.test_y))


def test_noise_and_brightness_suit_tables_too() -> None:
    table = load_dataset("diabetes")
    for name in ("noise", "brightness"):
        assert not np.array_equal(samples(table, name).training(0)[0], samples(table, None).training(0)[0])


@pytest.mark.parametrize(
    ("dataset", "shift", "message"),
    [
        ("digits", {}, "partition.shift needs a name.* rotation"),
        ("digits", {"name": "rotation", "degree": [90]}, "no argument 'degree', did you mean 'degrees'"),
        ("digits", {"name": "rotation", "degrees": [45]}, "degrees: must be multiples of 90"),
        ("digits", {"name": "noise", "most": "much"}, "most = 'much'"),
        ("digits", {"name": "noise", "most": 0.0}, "most: must be above 0"),
        ("digits", {"name": "label_permutation", "labels": [3]}, "at least two different labels"),
        ("digits", {"name": "label_permutation", "labels": [3, 10]}, r"no label 10; labels are 0\.\.9"),
        ("diabetes", {"name": "rotation"}, "is for images"),
        ("diabetes", {"name": "label_permutation"}, "needs classes"),
        ("dialects", {"name": "noise"}, "token ids cannot carry noise"),
        ("dialects", {"name": "brightness"}, "token ids cannot be scaled"),
    ],
)
def test_a_shift_that_does_not_suit_says_why(dataset: str, shift: dict[str, Any], message: str) -> None:
    with pytest.raises(PartitionError, match=message) as caught:
        make_shift(shift, load_dataset(dataset))
    assert "\n" not in str(caught.value)


def test_an_unknown_shift_is_refused_with_a_suggestion() -> None:
    with pytest.raises(plugins.UnknownPluginError, match="unknown shift 'rotate', did you mean 'rotation'"):
        make_shift({"name": "rotate"}, load_dataset("digits"))
