"""A user's data set or partitioner that was edited is used as it is now, whatever the cache holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune import plugins
from fedprune.data.known import known_set
from fedprune.data.partition import make_partition
from fedprune.data.stored import Dataset

SET = '''"""Mine."""
import numpy as np
from fedprune.data.declared import BundledSet
from fedprune.data.schema import Content, Features, Samples, Targets

def read():
    samples = Samples(np.full((4, 2), VALUE, np.float32), np.arange(4) % 2)
    return Content(samples, samples, Features((2,), dtype="float32"), Targets(classes=2))

SET = BundledSet(read)
'''

PARTITIONER = '''"""Mine."""
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Mine:
    """Clients take turns."""

    def divide(self, samples, clients, seed):
        return [np.arange(samples.count)[client::clients][:LIMIT] for client in range(clients)]
'''


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    for kind in ("datasets", "partitioners"):
        (tmp_path / kind).mkdir()
    return tmp_path


def test_an_edited_set_is_read_again(at_home: Path) -> None:
    for value in (1, 2):
        (at_home / "datasets/mine.py").write_text(SET.replace("VALUE", str(value)), "utf-8")
        assert known_set("mine", None).train_x[0, 0] == value


def test_an_edited_partitioner_divides_again(at_home: Path, digits: Dataset) -> None:
    for limit in (3, 7):
        (at_home / "partitioners/mine.py").write_text(PARTITIONER.replace("LIMIT", str(limit)), "utf-8")
        assert len(make_partition(digits, "mine", 4, {}, 0.0, "global", 0).train(0)) == limit


def test_a_partitioner_at_an_import_path_is_told_from_others_by_its_file(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, digits: Dataset
) -> None:
    monkeypatch.syspath_prepend(str(at_home))
    (at_home / "dealing.py").write_text(PARTITIONER.replace("LIMIT", "5"), "utf-8")
    assert len(make_partition(digits, "dealing:Mine", 4, {}, 0.0, "global", 0).train(0)) == 5
    source = plugins.source("partitioners", "dealing:Mine")
    assert source == at_home / "dealing.py"
    own = plugins.source("partitioners", "shards")
    assert own is not None
    assert own.is_relative_to(plugins.PACKAGE)
