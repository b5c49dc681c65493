"""The doctor: says what it finds, and never fails for what it finds missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fedprune import doctor, plugins


def test_it_finds_versions_machine_data_and_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path))
    for name in ("FLWR_TELEMETRY_ENABLED", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    facts = doctor.examine()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["versions"]["torch"].startswith("2.")
    assert facts["machine"]["usable cores"] >= 1
    assert facts["machine"]["gpu"]
    assert facts["data"].keys() == set(plugins.names("datasets"))
    assert facts["data"]["digits"] == "bundled"
    assert facts["cache"] == {"folder": str(tmp_path), "writable": "yes"}
    assert facts["phoning home"]["FLWR_TELEMETRY_ENABLED"] == "0"
    assert facts["phoning home"]["RAY_USAGE_STATS_ENABLED"] == "0"
    text = doctor.render(facts)
    assert all(name in text for group in facts.values() for name in group)


def test_it_sees_a_local_folder_of_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FEDPRUNE_DATA", str(tmp_path / "data"))
    found = doctor.examine()["data"]
    assert found["mnist"] == f"in {tmp_path / 'data' / 'mnist'}"
    assert found["cifar10"].startswith("not here")


def test_it_says_so_when_the_cache_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "file"))
    monkeypatch.delenv("FEDPRUNE_DATA", raising=False)
    facts = doctor.examine()
    assert facts["cache"]["writable"].startswith("no: ")
    assert facts["data"]["cifar10"].startswith("not here")
