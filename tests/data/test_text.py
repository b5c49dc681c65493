"""Text: characters as token ids, windows in the schema of flwrlabs/shakespeare, and the bundled dialects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fedprune.data.dataset import client_data, load_dataset
from fedprune.data.errors import DataError
from fedprune.data.partition import make_partition
from fedprune.data.text import CHARACTERS, VOCABULARY, encode

from .parquet import write_plays

LINES = {
    f"PLAY_{role}": "".join(CHARACTERS[(7 * role + 3 * at) % 80] for at in range(80 + count))
    for role, count in enumerate([200, 100, 30])
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    write_plays(tmp_path / "shakespeare/train-0.parquet", LINES)
    return tmp_path


def test_every_known_character_has_an_id_of_its_own_and_all_others_share_one() -> None:
    assert encode(CHARACTERS).tolist() == list(range(80))
    assert encode("~é\u4e2d\U0001f600\ud800\xff").tolist() == [VOCABULARY - 1] * 6


def test_windows_are_token_ids_and_targets_the_next_one(root: Path) -> None:
    dataset = load_dataset("shakespeare", root)
    x, y = client_data(dataset, np.array([0, 1]))
    assert (x.dtype, x.shape, y.dtype) == (np.int64, (2, 80), np.int64)
    lines = LINES["PLAY_0"]
    assert [CHARACTERS[token] for token in x[1]] == list(lines[1:81])
    assert CHARACTERS[y[1]] == lines[81]


def test_of_each_role_the_last_tenth_is_for_testing_after_a_window_that_is_left_out(root: Path) -> None:
    dataset = load_dataset("shakespeare", root)
    assert dataset.client_key == "role"
    assert np.bincount(dataset.columns["role"]).tolist() == [200 - 20 - 80, 100 - 10 - 80, 30]
    # The third has too few lines for a window between the two.
    assert np.bincount(dataset.test_columns["role"]).tolist() == [20, 10]


def test_roles_can_be_clients(root: Path) -> None:
    dataset = load_dataset("shakespeare", root)
    for name in ("natural", "natural_id"):
        partition = make_partition(dataset, name, 3, {}, 0.0, "natural", 0)
        for client in range(3):
            (role,) = set(dataset.columns["role"][partition.train(client)].tolist())
            assert set(dataset.test_columns["role"][partition.test(client)].tolist()) <= {role}


def test_a_window_of_another_length_is_refused(root: Path) -> None:
    write_plays(root / "shakespeare/train-0.parquet", LINES, length=79)
    with pytest.raises(DataError, match="row 0 of column 'x' has 79 characters, not 80"):
        load_dataset("shakespeare", root)


def test_dialects_share_half_of_a_language() -> None:
    dataset = load_dataset("dialects")
    assert dataset.train_x.shape == dataset.train_y.shape == (40 * 50, 32)
    # The target is the window one letter later.
    np.testing.assert_array_equal(dataset.train_x[:, 1:], dataset.train_y[:, :-1])
    counts = np.zeros((40, 27, 27))
    speakers = np.repeat(dataset.columns["speaker"], 32)
    np.add.at(counts, (speakers, dataset.train_x.ravel(), dataset.train_y.ravel()), 1)
    follows = counts / counts.sum(2, keepdims=True).clip(1)
    own, others = _surprise(counts[0], follows[0]), _surprise(counts[0], follows[1:].mean(0))
    assert own < others - 0.5


def test_clients_of_dialects_are_tested_on_their_own_unless_told_otherwise() -> None:
    dataset = load_dataset("dialects")
    partition = make_partition(dataset, "natural", 40, {}, 0.1, "labels", 0)
    manifest = partition.manifest()
    assert manifest["settings"]["test"] == "natural"
    assert manifest["labels"] == "none"
    assert not any(client["labels"] for client in manifest["clients"])
    assert all(len(partition.test(client)) == 10 for client in range(40))


def _surprise(counts: np.ndarray, follows: np.ndarray) -> float:  # type: ignore[type-arg]
    """Mean negative log-likelihood of these transitions under these probabilities."""
    return float(-(counts * np.log(follows + 1e-3)).sum() / counts.sum())
