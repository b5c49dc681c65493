"""A user's own arrays as a data set: what they are follows from their dtypes and shapes.

| features | are |
| --- | --- |
| uint8 (N, H, W), (N, C, H, W) or (N, H, W, C) | images, standardised per channel |
| other numbers (N, columns) | a table, standardised per column |
| other numbers (N, C, ...) | values, standardised per entry of the second axis |
| whole numbers, with a vocabulary | token ids |

| targets | are for the task |
| --- | --- |
| texts, truth values or whole numbers (N,) | classification; regression where that is the scenario's task |
| floats (N,) or (N, k) | regression |
| truth values, or zeros and ones (N, k) | multi_label |
| token ids, as many as in a sample's features | next_token |
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fedprune.data.errors import DataError
from fedprune.data.schema import Content, Features, Samples, Targets
from fedprune.data.split import fifth_for_testing
from fedprune.data.standardise import standardised
from fedprune.types import Array

CLIENT = "client"
"""The column that says whose a sample is, whatever the source called it."""

MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Split:
    """What a user gives of one split: features, targets, and whose each sample is where that is known."""

    x: Array
    y: Array
    owners: Array | None = None

    def take(self, chosen: Array) -> Split:
        """The samples at these indices or bools."""
        return Split(self.x[chosen], self.y[chosen], None if self.owners is None else self.owners[chosen])


@dataclass(frozen=True)
class Own:
    """All that a user gives: a training split, and what else is known."""

    training: Split
    test: Split | None = None
    """Unless given, a keyed fifth of the training split: of each client's samples, else of each class."""
    vocabulary: int | None = None
    """How many token ids there are, where features are that."""
    names: tuple[str, ...] = ()
    """The names of a table's columns."""


def content_of(where: str, own: Own, task: str | None = None) -> Content:
    """The data set that a user's arrays are; ``task`` is the scenario's, where it names one.

    Raises DataError, beginning with ``where``, when they are none.
    """
    for split in (own.training, own.test):
        if split is not None:
            _check(where, split)
    y, test_y, targets, task = _targets(where, own, task)
    training = replace(own.training, y=y)
    if own.test is None:
        chosen = fifth_for_testing("own data", _groups(training, targets))
        training, test = training.take(~chosen), training.take(chosen)
        if len(test.y) == 0:
            raise DataError(f"{where}: {len(y)} samples are too few for a test split; give one")
    else:
        test = replace(own.test, y=test_y)
    x, test_x, features = _features(where, training.x, test.x, own)
    return Content(
        training=_samples(x, training),
        test=_samples(test_x, test),
        features=features,
        targets=targets,
        task=task,
        client_key=None if training.owners is None else CLIENT,
    )


def _check(where: str, split: Split) -> None:
    lengths = {len(part) for part in (split.x, split.y, split.owners) if part is not None}
    if len(lengths) > 1:
        told = f"{len(split.x)} features and {len(split.y)} targets"
        raise DataError(f"{where}: {told} do not belong together; give as many of one as of the other")
    if lengths == {0}:
        raise DataError(f"{where}: there are no samples")
    if split.x.ndim < 2 or split.x.dtype.kind not in "biuf":
        raise DataError(
            f"{where}: features are {split.x.dtype} of shape {split.x.shape}; give (samples, columns) "
            "or (samples, channels, height, width) of numbers"
        )


def _groups(training: Split, targets: Targets) -> Array:
    """int64 (N,): the group of each sample of which a fifth is taken for testing."""
    if training.owners is not None:
        return np.unique(training.owners, return_inverse=True)[1].astype(np.int64)
    labelled = targets.classes is not None and not targets.shape
    return training.y if labelled else np.zeros(len(training.y), np.int64)


def _samples(x: Array, split: Split) -> Samples:
    owners = split.owners
    if owners is not None and owners.dtype == object:
        owners = owners.astype(str)
    return Samples(x, split.y, {} if owners is None else {CLIENT: owners})


def _features(where: str, x: Array, test_x: Array, own: Own) -> tuple[Array, Array, Features]:
    """Both splits' features as they are stored, and what they are."""
    if x.shape[1:] != test_x.shape[1:]:
        raise DataError(
            f"{where}: training features are {x.shape[1:]} each, test features {test_x.shape[1:]}"
        )
    if own.vocabulary is not None:
        return _tokens(where, x, test_x, own.vocabulary)
    if x.dtype == np.uint8 and x.ndim >= 3:
        x, test_x = _channels_first(x), _channels_first(test_x)
    else:
        with np.errstate(over="ignore"):  # what becomes infinite is refused below
            x, test_x = x.astype(np.float32), test_x.astype(np.float32)
        bad = sum(int(np.count_nonzero(~np.isfinite(part))) for part in (x, test_x))
        if bad:
            raise DataError(
                f"{where}: {bad} values of the features are not finite; fill or drop those samples"
            )
        if x.ndim == 4:
            x, test_x = _channels_first(x), _channels_first(test_x)
    return x, test_x, standardised(x, own.names)


def _channels_first(x: Array) -> Array:
    """Images (N, H, W) or (N, H, W, C) as (N, C, H, W); whatever else as it is."""
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return x


def _tokens(where: str, x: Array, test_x: Array, vocabulary: int) -> tuple[Array, Array, Features]:
    for part in (x, test_x):
        if part.dtype.kind not in "iu" or part.min() < 0 or part.max() >= vocabulary:
            raise DataError(f"{where}: token ids must be whole numbers 0..{vocabulary - 1}, the vocabulary")
    kind = np.min_scalar_type(vocabulary - 1)
    features = Features(x.shape[1:], kind.name, vocabulary=vocabulary)
    return x.astype(kind), test_x.astype(kind), features


def _targets(where: str, own: Own, task: str | None) -> tuple[Array, Array, Targets, str]:
    """Both splits' targets as they are stored (the second is empty where not given), what they are, the
    task."""
    y = own.training.y
    test_y = own.test.y if own.test is not None else y[:0]
    if y.shape[1:] != test_y.shape[1:]:
        raise DataError(f"{where}: training targets are {y.shape[1:]} each, test targets {test_y.shape[1:]}")
    whole = y.dtype.kind in "biu"
    if own.vocabulary is not None and whole and y.shape == own.training.x.shape:
        targets = Targets(y.shape[1:], classes=own.vocabulary)
        return y.astype(np.int64), test_y.astype(np.int64), targets, task or "next_token"
    if whole and y.ndim == 2 and y.min() >= 0 and y.max() <= 1 and task != "regression":
        return y.astype(bool), test_y.astype(bool), Targets(y.shape[1:], dtype="bool"), task or "multi_label"
    if y.dtype.kind == "f" or (whole and (task == "regression" or y.ndim > 1)):
        return *_values(where, y, test_y), Targets(y.shape[1:], dtype="float32"), task or "regression"
    if y.ndim == 1:
        return *_labels(where, y, test_y), task or "classification"
    raise DataError(f"{where}: targets are {y.dtype} of shape {y.shape}; give labels (N,) or numbers (N, k)")


def _values(where: str, y: Array, test_y: Array) -> tuple[Array, Array]:
    for part in (y, test_y):
        if not np.isfinite(part).all():
            raise DataError(f"{where}: some targets are not finite; fill or drop those samples")
    return y.astype(np.float32), test_y.astype(np.float32)


def _labels(where: str, y: Array, test_y: Array) -> tuple[Array, Array, Targets]:
    """Labels as 0..classes-1 in the order of what they were, which is kept as the classes' names."""
    try:
        known, labels = np.unique(np.concatenate([y, test_y]), return_inverse=True)
    except TypeError as error:
        raise DataError(f"{where}: labels are of several types; give texts or whole numbers only") from error
    if not 2 <= len(known) <= MOST_CLASSES:
        hint = 'for values write [task] name = "regression"' if y.dtype.kind in "iu" else "is it the target?"
        raise DataError(f"{where}: the target has {len(known)} different labels; {hint}")
    names = tuple(str(label) for label in known)
    if names == tuple(map(str, range(len(known)))):
        names = ()
    labels = labels.astype(np.int64)
    return labels[: len(y)], labels[len(y) :], Targets(classes=len(known), names=names)
