"""The latency of a client's model: every form has a row, and the shrunk one is smaller than the dense."""

from __future__ import annotations

import json

import pytest

from fedprune.cli import main
from fedprune.federation.finished import FinishedFederation
from tests.export.conftest import run as run  # the same finished run


@pytest.mark.slow
def test_every_form_of_a_client_s_model_is_measured(
    run: FinishedFederation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["latency", str(run.folder.path), "--client", "1", "--queries", "20", "--json"]) == 0
    rows = {(row["name"], row["target"]): row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {
        *((name, target) for name in ("dense", "masked", "shrunk") for target in ("onnx", "torch")),
        ("int8", "onnx"),
    }
    dense, masked, shrunk, int8 = (rows[name, "onnx"] for name in ("dense", "masked", "shrunk", "int8"))
    assert dense["speedup"] == 1
    assert int8["size"] < shrunk["size"] < masked["size"] == dense["size"]
    assert masked["compressed"] < dense["compressed"]
    for row in rows.values():
        assert 0 < row["timing"]["best"] <= row["timing"]["p50"] <= row["timing"]["p99"]
        assert row["memory"] > 0
