"""Versions of client state: exact, immutable, and never deleted while a checkpoint may ask for them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.runs.files import RunError, temporary_name
from fedprune.runs.store import VersionedStore
from fedprune.types import Arrays


def stamped(round: int) -> Arrays:
    return {"round": np.array(round), "mask": np.array([True, False]), "empty": np.zeros((0, 3), np.float32)}


def versions(store: VersionedStore, client: int) -> list[int]:
    return sorted(int(path.stem) for path in store.path(client, 1).parent.glob("*.safetensors"))


def test_load_returns_exactly_the_version_asked_for(tmp_path: Path) -> None:
    store = VersionedStore(tmp_path)
    for client, round in [(0, 1), (0, 4), (7, 4)]:
        store.save(client, round, {"id": np.array([client, round])})
    assert store.load(0, 1)["id"].tolist() == [0, 1]
    assert store.load(7, 4)["id"].tolist() == [7, 4]
    assert VersionedStore(tmp_path).load(0, 4)["id"].tolist() == [0, 4]


def test_before_its_first_round_a_client_keeps_nothing(tmp_path: Path) -> None:
    assert VersionedStore(tmp_path).load(3, 0) == {}
    with pytest.raises(ValueError, match="begin at round 1"):
        VersionedStore(tmp_path).save(3, 0, {})


def test_an_empty_version_is_a_version(tmp_path: Path) -> None:
    store = VersionedStore(tmp_path)
    store.save(3, 2, {})
    assert store.load(3, 2) == {}


def test_no_folder_holds_more_than_a_shard_of_clients(tmp_path: Path) -> None:
    store = VersionedStore(tmp_path)
    for client in (0, 999, 1000, 999_999, *range(5000, 6000)):
        store.save(client, 1, {"client": np.array([client])})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0-999",
        "1000-1999",
        "5000-5999",
        "999000-999999",
    ]
    assert all(store.load(client, 1)["client"] == client for client in (0, 999, 1000, 999_999, 5500))


def test_a_store_that_began_without_shards_goes_on_in_its_place(tmp_path: Path) -> None:
    store = VersionedStore(tmp_path, "run")
    store.save(7, 1, stamped(1))
    (tmp_path / "0-999" / "7").rename(tmp_path / "7")
    (tmp_path / "0-999").rmdir()
    store.save(7, 3, stamped(3))
    assert [store.load(7, round)["round"] for round in store.rounds(7)] == [1, 3]
    store.collect(7, current=3, floor=3)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["3.safetensors"]
    store.check(7, 3)


def test_a_missing_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"client 3 after round 5 cannot be read.*--force"):
        VersionedStore(tmp_path).load(3, 5)


@pytest.mark.parametrize("keep", [0, 7, -1])
def test_a_truncated_version_is_named(tmp_path: Path, keep: int) -> None:
    store = VersionedStore(tmp_path)
    store.save(3, 5, stamped(5))
    path = store.path(3, 5)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunError, match=r"client 3 after round 5 is damaged.*--force"):
        store.load(3, 5)


def test_a_version_in_the_place_of_another_is_found_out(tmp_path: Path) -> None:
    store = VersionedStore(tmp_path, "run-a")
    for client, round in [(0, 4), (1, 4), (1, 5)]:
        store.save(client, round, stamped(round))
    for other in (store.path(1, 4), store.path(1, 5)):
        other.replace(store.path(0, 4))
        with pytest.raises(
            RunError, match=r"client 0 after round 4 is damaged .*it says that it is .*client 1"
        ):
            store.load(0, 4)
    store.save(0, 4, stamped(4))
    with pytest.raises(RunError, match=r"it says that it is run run-a, .*, not run run-b"):
        VersionedStore(tmp_path, "run-b").load(0, 4)


@pytest.mark.parametrize("what", ["shard", "folder", "version", "temporary"])
def test_a_link_is_not_followed(tmp_path: Path, what: str) -> None:
    store, outside = VersionedStore(tmp_path / "state"), tmp_path / "outside"
    outside.mkdir()
    store.folder.mkdir()
    for round in (1, 2):
        store.save(0, round, stamped(round))
    if what == "shard":
        shard = store.path(0, 1).parent.parent
        shard.rename(outside / shard.name)
        shard.symlink_to(outside / shard.name)
    elif what == "folder":
        store.path(0, 1).parent.rename(outside / "0")
        store.path(0, 1).parent.symlink_to(outside / "0")
    elif what == "version":
        store.path(0, 2).rename(outside / "2.safetensors")
        store.path(0, 2).symlink_to(outside / "2.safetensors")
    else:
        (outside / "precious").write_text("years")
        temporary_name(store.path(0, 3)).symlink_to(outside / "precious")
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    if what != "temporary":
        with pytest.raises(RunError, match="cannot be read"):
            store.load(0, 2)
    for change in (lambda: store.save(0, 3, stamped(3)), lambda: store.collect(0, 0, 0)):
        with contextlib.suppress(RunError):
            change()
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before


def test_a_pipe_in_the_place_of_a_version_is_told_at_once(tmp_path: Path) -> None:
    store = VersionedStore(tmp_path)
    store.save(0, 1, stamped(1))
    store.path(0, 1).unlink()
    os.mkfifo(store.path(0, 1))
    with pytest.raises(RunError, match="not a regular file"):
        store.load(0, 1)


def test_a_run_that_was_removed_does_not_half_return(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has been removed"):
        VersionedStore(tmp_path / "run" / "state" / "clients").save(1, 1, {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(RunError, match=r"cannot write .*state") as caught:
        VersionedStore(tmp_path / "state").save(1, 1, {})
    assert "\n" not in str(caught.value)


def test_collecting_a_client_without_versions_does_nothing(tmp_path: Path) -> None:
    VersionedStore(tmp_path / "none").collect(1, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_collecting_removes_rejected_superseded_and_half_written_versions(tmp_path: Path) -> None:
    store = VersionedStore(tmp_path)
    for round in [2, 5, 9, 12]:
        store.save(1, round, stamped(round))
    leftover = store.path(1, 13).parent / ".13.safetensors.99.tmp"
    leftover.write_bytes(b"half")
    store.save(2, 2, stamped(2))
    store.collect(1, current=9, floor=6)
    assert versions(store, 1) == [5, 9]
    assert not leftover.exists()
    assert versions(store, 2) == [2]


event = st.sampled_from(["accept", "accept", "accept", "reject", "idle", "checkpoint", "resume"])


@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.lists(event, max_size=30))
def test_collecting_never_deletes_what_a_retained_checkpoint_needs(events: list[str]) -> None:
    """A model of a run: a client's rounds end accepted or rejected, crashes go back to a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        store = VersionedStore(Path(folder))
        round, current = 0, 0
        retained: list[tuple[int, int]] = []
        for name in events:
            round += 1
            if name in ("accept", "reject"):
                store.collect(1, current, retained[0][0] if retained else 0)
                store.save(1, round, stamped(round))
                current = round if name == "accept" else current
            elif name == "checkpoint":
                retained = [*retained, (round, current)][-2:]
            elif name == "resume":
                round, current = retained[-1] if retained else (0, 0)
            for _, needed in [*retained, (round, current)]:
                assert needed == 0 or store.load(1, needed)["round"] == needed
        if store.path(1, 1).parent.exists():
            store.collect(1, current, retained[0][0] if retained else 0)
            wanted = {current, *(needed for _, needed in retained)} - {0}
            since = retained[0][1] if retained else 0
            assert wanted <= set(versions(store, 1))
            assert all(since <= found <= current for found in versions(store, 1))
