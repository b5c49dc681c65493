"""Forty things that people type wrongly: each is answered by one line that says what to do, and leaves
nothing.

The first element of a row is the command line after ``fedprune``, the second the files that it finds (name ->
text), the third what the line has to say, as a regular expression.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from fedprune.cli import main
from fedprune.types import LONGEST_LINE

NET = """import torch
class Net(torch.nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        self.layer = torch.nn.Linear(64, outputs + 1)
    def forward(self, x):
        return self.layer(x.flatten(1))
"""
TABLE = "height,label\n1.5,0\n2.5,1\n"

WRONG: dict[str, tuple[str, dict[str, str], str]] = {
    # Typos.
    "a verb": ("rum quickstart", {}, r"invalid choice: 'rum'.*run.*see fedprune --help"),
    "a scenario": (
        "run quikstart",
        {},
        r"quikstart: no such file or bundled scenario, did you mean 'quickstart'\?",
    ),
    "a flag": ("run quickstart --sett run.rounds=5", {}, r"unrecognized arguments: --sett.*see fedprune"),
    "a key": (
        "run x.toml",
        {"x.toml": "[train]\nlrr = 0.1"},
        r"x.toml:2: \[train\] lrr: unknown key of optimizer 'sgd', did you mean 'lr'\?",
    ),
    "a section": (
        "run x.toml",
        {"x.toml": "[trian]\nlr = 0.1"},
        r"x.toml:1: \[trian\]: unknown section, did you mean 'train'\?",
    ),
    "a key in another section": (
        "run x.toml",
        {"x.toml": "[run]\nlr = 0.1"},
        r"\[run\] lr: unknown key, it belongs under \[train\]",
    ),
    "a strategy": (
        "run quickstart --set strategy.name=fedavgg",
        {},
        r"--set strategy.name: unknown strategy 'fedavgg', did you mean 'fedavg'\?",
    ),
    "a strategy's own key": (
        "run x.toml",
        {"x.toml": "[strategy]\nname = 'sub_fedavg'\ntraget = 0.5"},
        r"x.toml:3: \[strategy\] traget: unknown key of strategy 'sub_fedavg', did you mean 'target'\?",
    ),
    "a key in --set": (
        "run quickstart --set train.lrr=0.1",
        {},
        r"--set train.lrr: unknown key of optimizer 'sgd', did you mean 'lr'\?",
    ),
    "a study": ("tickets run --study overlapp", {}, r"unknown study 'overlapp', did you mean 'overlap'\?"),
    "a tracker": (
        "run quickstart --track tensorbord",
        {},
        r"unknown tracker 'tensorbord', did you mean 'tensorboard'\?",
    ),
    # What other tools call it.
    "int8": (
        "run quickstart --set uplink.values=int8",
        {},
        r"--set uplink.values: unknown quantizer 'int8'; write 'uniform', with bits = 8 beside it",
    ),
    "resnet": (
        "run quickstart --set model.name=resnet",
        {},
        r"--set model.name: unknown model 'resnet', did you mean 'resnet18' or 'resnet20'\?",
    ),
    "a path with a dot": (
        "run quickstart --set model.name=mynet.Net",
        {"mynet.py": NET},
        r"--set model.name: unknown model 'mynet.Net'; is an import path meant\? write 'mynet:Net'",
    ),
    "dirichlet": (
        "run quickstart --set partition.name=dirichlett",
        {},
        r"unknown partition 'dirichlett', did you mean 'dirichlet'\?",
    ),
    # Types and ranges.
    "a text for a number": (
        "run x.toml",
        {"x.toml": "[train]\nlr = '0.5'"},
        r"x.toml:2: \[train\] lr: must be a valid number, not '0.5'",
    ),
    "a wrong type in --set": (
        "run quickstart --set train.lr=fast",
        {},
        r"--set train.lr: must be a valid number, not 'fast'",
    ),
    "no equals sign": (
        "run quickstart --set train.lr",
        {},
        r"--set: write it as section.key=value, not 'train.lr'",
    ),
    "true for a number": (
        "run x.toml",
        {"x.toml": "[train]\nepochs = true"},
        r"\[train\] epochs: must be a valid integer, not True",
    ),
    "NaN": ("run x.toml", {"x.toml": "[train]\nlr = nan"}, r"\[train\] lr: must be a finite number, not nan"),
    "a number beyond single precision": (
        "run quickstart --set train.lr=1e300",
        {},
        r"--set train.lr: must lie between -1e\+18 and 1e\+18, not 1e\+300",
    ),
    "a number of 5,000 digits": (
        "run x.toml",
        {"x.toml": f"[run]\nseed = {'9' * 5000}"},
        r"x.toml: not valid TOML: .*4300 digits",
    ),
    "a share in percent": ("run quickstart --set evaluate.target=95.0", {}, r"target.*must.*1"),
    "no time at all": (
        "run quickstart --set engine.timeout=1e-9",
        {},
        r"--set engine.timeout: must be greater than or equal to 0.001, not 1e-09",
    ),
    "a section for a key": (
        "run x.toml",
        {"x.toml": "train = 0.1"},
        r"\[train\]: must be a table, not 0.1; write \[train\] above its keys",
    ),
    "a million characters": (
        "run x.toml",
        {"x.toml": f"{'a' * 900_000} = 1"},
        r"\[a+ \.\.\. a+\]: unknown section; known: run, data",
    ),
    "terminal codes": ("run x.toml", {"x.toml": "'\\u001b]0;x' = 1"}, r"unknown section"),
    "no TOML": ("run x.toml", {"x.toml": "[train\nlr = 0.1"}, r"x.toml: not valid TOML: .*line 1"),
    # Data, partitions, models.
    "data that are not there": (
        "run quickstart --set data.name=mnist --set data.root=nowhere",
        {},
        r"nowhere",
    ),
    "a table without its column": (
        "run x.toml",
        {"x.toml": "[data]\nname = './t.csv'\ntarget = 'labl'", "t.csv": TABLE},
        r"no column 'labl', did you mean 'label'\?",
    ),
    "more clients than samples": ("run quickstart --set partition.clients=5000", {}, r"clients"),
    "more clients a round than there are": (
        "run quickstart --set run.clients_per_round=1000",
        {},
        r"--set run.clients_per_round: 1000 of 40 clients",
    ),
    "more classes than there are": ("run quickstart --set partition.num_classes_per_partition=11", {}, r"11"),
    "images too small": (
        "run x.toml",
        {"x.toml": "[model]\nname = 'lenet5'"},
        r"model 'lenet5' takes inputs of at least",
    ),
    "a model larger than the memory": (
        "run x.toml",
        {"x.toml": "[model]\nname = 'mlp'\nhidden = [1000000000]"},
        r"model 'mlp' has 7.*e\+10 parameters; .* GiB of memory and .* are available: make it smaller",
    ),
    "an endlessly deep model": (
        "run x.toml",
        {"x.toml": f"[model]\nname = 'mlp'\nhidden = {[8] * 3000}"},
        r"model 'mlp' has 6002 arrays of parameters, at most 2000 are handled: give it fewer layers",
    ),
    # Plug-ins.
    "a plug-in of another language": (
        "run quickstart --set strategy.name=mine",
        {"strategies/mine.py": "def broken(:\n"},
        r"strategies/mine.py:1: is not valid Python",
    ),
    "a module that exits": (
        "run quickstart --set model.name=mynet:Net",
        {"mynet.py": "raise SystemExit(3)"},
        r"mynet.py:1: SystemExit: 3 ends the program when this is imported",
    ),
    "a network of another shape": (
        "run x.toml",
        {"mynett.py": NET, "x.toml": "[model]\nname = 'mynett:Net'"},
        r"model 'mynett:Net' gives \(2, 11\) for 2 samples, not \(2, 10\)",
    ),
    # Folders.
    "a file where runs should be": ("run quickstart --out taken", {"taken": ""}, r"taken"),
    "a folder that is no run": ("show .", {"x.toml": ""}, r"not a run folder"),
    "a folder name that is no text": (
        "run quickstart --out NO_TEXT",
        {},
        r"UTF-8 text; choose another with --out",
    ),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that holds nothing, from which modules can be imported as from any shell's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("FEDPRUNE_DATA", raising=False)


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_typed_wrongly_is_one_line_that_says_what_to_do(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed, files, said = WRONG[kind]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    before = sorted(tmp_path.rglob("*"))
    arguments = [word.replace("NO_TEXT", "\udcff") for word in shlex.split(typed)]
    assert main(arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("fedprune: error: ")
    assert line.isprintable()
    assert len(line) < LONGEST_LINE + 20
    assert re.search(said, line), line
    assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in path.parts] == before
