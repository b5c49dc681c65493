"""A user's own arrays: what they are follows from dtypes and shapes, and what they cannot be is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune.data.errors import DataError
from fedprune.data.own import Own, Split, content_of
from fedprune.data.schema import Content
from fedprune.data.standardise import normalise
from fedprune.types import Array

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(5, 3, (60, 4))
IMAGES = RANDOM.integers(0, 256, (60, 6, 5), dtype=np.uint8)
TOKENS = RANDOM.integers(0, 9, (60, 7))
LABELS = np.arange(60) % 3


def content(x: Array, y: Array, *, task: str | None = None, **more: Any) -> Content:
    return content_of("data", Own(Split(x, y), **more), task)


@pytest.mark.parametrize(
    ("x", "shape", "dtype"),
    [
        (TABLE, (4,), "float32"),
        (TABLE.astype(np.int16), (4,), "float32"),
        (TABLE.reshape(60, 2, 2), (2, 2), "float32"),
        (IMAGES, (1, 6, 5), "uint8"),
        (np.stack([IMAGES] * 3, axis=1), (3, 6, 5), "uint8"),
        (np.stack([IMAGES] * 3, axis=3), (3, 6, 5), "uint8"),
        (np.stack([IMAGES / 255] * 3, axis=3), (3, 6, 5), "float32"),
    ],
)
def test_features_are_stored_channel_first_and_standardised_by_the_training_samples(
    x: Array, shape: tuple[int, ...], dtype: str
) -> None:
    made = content(x, LABELS)
    assert (made.features.shape, made.features.dtype) == (shape, dtype)
    assert (len(made.training.y), len(made.test.y)) == (48, 12)
    scaled = normalise(made.training.x, made.features)
    axes = (0, *range(2, scaled.ndim))
    np.testing.assert_allclose(scaled.mean(axis=axes), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=axes), 1, atol=1e-3)


def test_a_column_that_never_varies_is_centred_and_one_far_from_zero_keeps_its_digits() -> None:
    x = np.stack([np.full(60, 7.0), 2000 + np.arange(60) % 2], axis=1)
    made = content(x, LABELS)
    scaled = normalise(made.training.x, made.features)
    np.testing.assert_array_equal(scaled[:, 0], 0)
    assert np.abs(scaled[:, 1]).max() < 1.5


@pytest.mark.parametrize(
    ("y", "asked", "task", "classes", "names"),
    [
        (LABELS, None, "classification", 3, ()),
        (LABELS + 5, None, "classification", 3, ("5", "6", "7")),
        (np.array(["no", "yes"])[LABELS % 2], None, "classification", 2, ("no", "yes")),
        (LABELS == 0, None, "classification", 2, ("False", "True")),
        (LABELS, "regression", "regression", None, ()),
        (LABELS / 2, None, "regression", None, ()),
        (TABLE[:, :2], None, "regression", None, ()),
        (TABLE[:, :2] > 5, None, "multi_label", None, ()),
        ((TABLE[:, :2] > 5).astype(int), None, "multi_label", None, ()),
    ],
)
def test_targets_say_what_the_task_is(
    y: Array, asked: str | None, task: str, classes: int | None, names: tuple[str, ...]
) -> None:
    made = content(TABLE, y, task=asked)
    assert (made.task, made.targets.classes, made.targets.names) == (task, classes, names)
    assert made.targets.shape == made.training.y.shape[1:] == y.shape[1:]
    assert made.training.y.dtype == np.dtype(made.targets.dtype)
    wanted = {"classification": np.int64, "regression": np.float32, "multi_label": np.bool_}
    assert made.training.y.dtype == wanted[task]


def test_token_ids_are_stored_small_and_read_as_whole_numbers() -> None:
    made = content(TOKENS, TOKENS, vocabulary=9)
    assert (made.task, made.targets.classes, made.targets.shape) == ("next_token", 9, (7,))
    assert made.training.x.dtype == np.uint8
    assert normalise(made.training.x, made.features).dtype == np.int64
    labelled = content(TOKENS, LABELS, vocabulary=9)
    assert (labelled.task, labelled.targets.classes) == ("classification", 3)


def test_without_a_test_split_a_fifth_of_each_class_or_client_is_one() -> None:
    made = content(TABLE, LABELS)
    assert np.bincount(made.test.y).tolist() == [4, 4, 4]
    owners = np.array(["a"] * 40 + ["b"] * 20)
    owned = content_of("data", Own(Split(TABLE, LABELS, owners)))
    assert owned.client_key == "client"
    names, counts = np.unique(owned.test.columns["client"], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"a": 8, "b": 4}


def test_a_given_test_split_is_kept_and_shares_the_labels() -> None:
    made = content(TABLE[:40], LABELS[:40] + 1, test=Split(TABLE[40:], LABELS[40:] + 2))
    assert made.targets.names == ("1", "2", "3", "4")
    np.testing.assert_array_equal(made.test.y, LABELS[40:] + 1)


@pytest.mark.parametrize(
    ("x", "y", "more", "message"),
    [
        (TABLE[:50], LABELS, {}, "50 features and 60 targets do not belong together"),
        (TABLE[:0], LABELS[:0], {}, "there are no samples"),
        (TABLE[:, 0], LABELS, {}, r"features are float64 of shape \(60,\); give \(samples, columns\)"),
        (TABLE.astype(str), LABELS, {}, "of numbers"),
        (
            np.where(TABLE > 5, np.nan, TABLE),
            LABELS,
            {},
            "values of the features are not finite; fill or drop",
        ),
        (TABLE * 1e300, LABELS, {}, "240 values of the features are not finite"),
        (TABLE, np.where(LABELS, np.inf, 1.0), {}, "some targets are not finite"),
        (TABLE, np.zeros(60, int), {}, "the target has 1 different labels"),
        (TABLE, TABLE.astype(str), {}, r"targets are <U\d+ of shape \(60, 4\); give labels"),
        (TOKENS, LABELS, {"vocabulary": 8}, r"token ids must be whole numbers 0\.\.7"),
        (TABLE, LABELS, {"vocabulary": 8}, r"token ids must be whole numbers"),
        (TABLE, LABELS, {"test": Split(TABLE[:, :2], LABELS)}, r"\(4,\) each, test features \(2,\)"),
        (TABLE, LABELS, {"test": Split(TABLE, TABLE)}, r"\(\) each, test targets \(4,\)"),
        (TABLE[:4], LABELS[:4], {}, "4 samples are too few for a test split; give one"),
    ],
)
def test_what_is_no_data_set_is_refused_in_one_line(
    x: Array, y: Array, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        content(x, y, **more)
    assert str(caught.value).startswith("data: ")
    assert "\n" not in str(caught.value)
