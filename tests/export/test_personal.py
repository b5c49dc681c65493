"""Personal models as files: they answer as the simulated model does, alone, and are as small as predicted."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from fedprune.cli import main
from fedprune.export import Exported, Form, clients_of, export
from fedprune.export.card import NOTE
from fedprune.export.graphs import Graphs
from fedprune.export.personal import TOLERANCE, Subject
from fedprune.federation.finished import FinishedFederation
from fedprune.personal.model import personal_model
from fedprune.types import UserError

ALONE = """
import sys
for name in ("torch", "fedprune", "onnx"):
    sys.modules[name] = None  # importing it fails
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
numpy.save(sys.argv[3], session.run(["outputs"], {"features": numpy.load(sys.argv[2])})[0])
"""


def simulated(run: FinishedFederation, client: int) -> tuple[np.ndarray, np.ndarray]:
    """The client's test samples as a model is given them, and what the simulated model says of them."""
    x, _ = run.experiment.samples.testing(client)
    with torch.inference_mode():
        return x, personal_model(run, client).network(torch.from_numpy(x)).numpy()


def test_a_file_answers_as_the_simulation_in_a_process_without_fedprune_and_torch(
    run: FinishedFederation, fp32: Exported, tmp_path: Path
) -> None:
    x, expected = simulated(run, 1)
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "-I", "-c", ALONE, fp32.path, tmp_path / "x.npy", tmp_path / "y.npy"]
    subprocess.run(command, check=True, cwd=tmp_path)
    found = np.load(tmp_path / "y.npy")
    assert np.abs(found - expected).max() <= TOLERANCE * max(1.0, np.abs(expected).max())
    assert fp32.card.measured == fp32.card.simulated


def test_a_file_holds_its_card_and_the_page_beside_it_the_hash_of_the_file(
    run: FinishedFederation, fp32: Exported
) -> None:
    notes = {note.key: note.value for note in onnx.load(fp32.path).metadata_props}
    card = json.loads(notes[NOTE])
    assert card["client"] == 1
    assert card["settings"] == run.scenario.settings_hash()
    assert card["input_shape"] == [1, 8, 8]
    assert card["labels"] == [str(digit) for digit in range(10)]
    assert 0.4 < card["density"] < 0.6
    page = fp32.path.with_name(f"{fp32.path.name}.md").read_text()
    assert hashlib.sha256(fp32.path.read_bytes()).hexdigest() in page
    assert card["weights_sha256"] in page


@pytest.mark.parametrize(
    "form", [Form("onnx", "fp16"), Form("onnx", "int8"), Form("torch"), Form("torch", "fp16")], ids=str
)
def test_every_form_is_as_small_as_predicted_and_answers_nearly_as_the_simulation(
    run: FinishedFederation, fp32: Exported, graphs: Graphs, tmp_path: Path, form: Form
) -> None:
    made = export(run, 1, form, tmp_path, graphs)
    assert made.bytes == made.path.stat().st_size
    assert made.bytes <= 1.05 * made.predicted
    assert fp32.bytes <= 1.05 * fp32.predicted
    assert made.card.difference <= {"fp32": 1e-5, "fp16": 5e-3, "int8": 0.1}[form.precision] * max(
        1.0, made.card.largest_output
    )
    assert made.card.measured == pytest.approx(made.card.simulated, abs=0.01)
    assert form.target == "torch" or form.precision != "int8" or made.bytes < 0.6 * fp32.bytes


@pytest.mark.slow
def test_int8_costs_less_than_half_a_point_in_the_mean_over_clients(
    run: FinishedFederation, tmp_path: Path
) -> None:
    cards = [export(run, client, Form("onnx", "int8"), tmp_path).card for client in clients_of(run)]
    loss = [(card.simulated or 0) - (card.measured or 0) for card in cards]
    assert len(loss) == 6
    assert np.mean(loss) < 0.005


def test_a_torch_program_runs_without_its_module_and_holds_no_pickle(
    run: FinishedFederation, tmp_path: Path
) -> None:
    made = export(run, 2, Form("torch"), tmp_path)
    data = made.path.read_bytes()
    x, expected = simulated(run, 2)
    found = torch.export.load(io.BytesIO(data)).module()(torch.from_numpy(x))
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-5)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    # Example inputs would be pickled there.
    assert not any(content for name, content in members.items() if name.endswith(".pt"))
    (card,) = [json.loads(content) for name, content in members.items() if name.endswith(NOTE)]
    assert card["client"] == 2


def test_a_file_that_answers_otherwise_is_refused(run: FinishedFederation, tmp_path: Path) -> None:
    subject = Subject(run, personal_model(run, 1), Form())
    with pytest.raises(UserError, match="off the simulated one; do not use this file"):
        subject.check(lambda x: np.zeros((len(x), 10), np.float32), tmp_path / "x.onnx")


def test_what_cannot_be_exported_is_one_line(
    run: FinishedFederation, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(run.folder.path)
    wrong = {
        ("--client", "1", "--to", "torch", "--precision", "int8"): "int8 is for onnx",
        (): "say whose model: --client 3 (repeatable), or --all",
        ("--client", "99"): "no client 99; it has clients 0 to 5",
    }
    for arguments, message in wrong.items():
        assert main(["export", folder, *arguments]) == 2
        assert message in capsys.readouterr().err
