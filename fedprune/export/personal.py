"""A client's personal model from a run's folder to a file that was tried."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fedprune import text_table
from fedprune.export.card import Card, weights_hash
from fedprune.export.form import Form
from fedprune.export.runtime import Answer, runner
from fedprune.export.sizes import predicted_bytes
from fedprune.score import Score
from fedprune.types import Array, UserError

if TYPE_CHECKING:
    from torch import nn

    from fedprune.export.file import ModelFile
    from fedprune.export.graphs import Graphs
    from fedprune.federation.finished import FinishedFederation
    from fedprune.personal.model import PersonalModel

TOLERANCE = 1e-5
"""How far an output in fp32 may lie from the simulated one, as a share of the largest output (at least 1)."""

BATCH = 500
"""Samples that a file is asked about at a time."""


@dataclass(frozen=True)
class Exported:
    """A file that was written and found to answer as it should."""

    path: Path
    card: Card
    bytes: int
    predicted: int
    """The most bytes that were expected, see ``sizes.predicted_bytes``."""

    def record(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {**asdict(self), "path": str(self.path)}


@dataclass(frozen=True)
class Trial:
    """What a file says of the client's test samples, beside what the simulated model says."""

    scores: tuple[float, float] | None
    """Simulated and the file's; None for a client without test samples, whose training samples were asked."""
    samples: int
    difference: float
    """The largest of an output."""
    largest: float
    """The largest simulated output, as an absolute value."""

    @property
    def exact(self) -> bool:
        """Whether rounding in fp32 explains the difference."""
        return self.difference <= TOLERANCE * max(1.0, self.largest)


def export(
    run: FinishedFederation, client: int, form: Form, out: Path, graphs: Graphs | None = None
) -> Exported:
    """Write the client's model as one file into the folder ``out``, its card beside it as Markdown.

    ``graphs`` is to be shared by the exports of several clients of a run in one form: it saves time.

    Raises:
        UserError: a package is missing, there is no such client, or the file's answers are wrong.
        RunError: the run cannot be read, or the disk refuses.
    """
    from fedprune.compute.threads import one_thread
    from fedprune.personal.model import personal_model
    from fedprune.runs.files import explained, read_file, write_atomic

    with one_thread():
        subject = Subject(run, personal_model(run, client), form)
        made = subject.made(graphs)
        card = subject.card(subject.trial(runner(made.data(), form.target)))
        text = card.text()
        path, data = out / form.file_name(client), made.data(text)
        with explained("make", out):
            out.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data, durable=False)
        with explained("read", path):
            subject.check(runner(read_file(path), form.target), path)
    predicted = predicted_bytes(subject.network, made.operators, form, len(text.encode()))
    page = card.markdown(path.name, len(data), predicted, hashlib.sha256(data).hexdigest())
    write_atomic(path.with_name(f"{path.name}.md"), page.encode(), durable=False)
    return Exported(path, card, len(data), predicted)


def clients_of(run: FinishedFederation) -> range:
    """All clients of a run."""
    return range(run.experiment.partition.clients)


def render(written: Sequence[Exported], form: Literal["text", "markdown"]) -> str:
    """A table of files for people."""
    write = text_table.markdown if form == "markdown" else text_table.aligned
    score = Score.of(written[0].card.score)
    header = (
        "file",
        f"simulated {score.title}",
        f"file {score.title}",
        "largest difference",
        "bytes",
        "predicted",
    )
    lines = []
    for each in written:
        card = each.card
        scores = [
            "-" if value is None else f"{score.factor * value:.{score.digits}f}"
            for value in (card.simulated, card.measured)
        ]
        difference = f"{card.difference:.1e}"
        lines.append((str(each.path), *scores, difference, str(each.bytes), str(each.predicted)))
    if len(written) > 1:
        lines.append(_mean_line(written, score))
    return write(header, lines)


def _mean_line(written: Sequence[Exported], score: Score) -> tuple[str, ...]:
    """The means over clients, of scores over those that have test samples."""
    pairs = [
        (each.card.simulated, each.card.measured)
        for each in written
        if each.card.simulated is not None and each.card.measured is not None
    ]
    scores = [f"{score.factor * np.mean(column):.{score.digits}f}" for column in zip(*pairs, strict=True)]
    difference = max(each.card.difference for each in written)
    sizes = [
        f"{np.mean(column):.0f}" for column in zip(*((e.bytes, e.predicted) for e in written), strict=True)
    ]
    return (f"mean of {len(written)}", *(scores or ("-", "-")), f"{difference:.1e}", *sizes)


@dataclass(frozen=True, eq=False)
class Subject:
    """A client's model that is to be exported."""

    run: FinishedFederation
    model: PersonalModel
    form: Form

    @cached_property
    def network(self) -> nn.Module:
        """What the file computes: the simulated network, or one whose layers are factored."""
        from fedprune.models.low_rank import composed

        # FedPara's factors travel; on a device the layer that they make is all that is needed.
        ordinary = composed(self.model.network)
        if self.form.svd is None:
            return ordinary
        from fedprune.export.svd import factored

        return factored(ordinary, self.form.svd)

    def made(self, graphs: Graphs | None) -> ModelFile:
        """The model in its form; int8 takes ranges from the client's own training samples."""
        from fedprune.export.file import model_file

        samples, _ = self.run.experiment.samples.training(self.model.client)
        example = self.model.architecture.example(2)
        return model_file(self.network, example, samples, self.form, graphs)

    def trial(self, answer: Answer) -> Trial:
        """Ask a file about the client's test samples, its training samples where it has none."""
        import torch

        task, testing = self.run.experiment.task, self._testing()
        totals, count, difference, largest = np.zeros(2), 0, 0.0, 0.0
        for x, y in self._batches():
            with torch.inference_mode():
                simulated = self.model.network(torch.from_numpy(x))
            found = torch.from_numpy(answer(x))
            difference = max(difference, float((found - simulated).abs().max()))
            largest = max(largest, float(simulated.abs().max()))
            parts = [task.scored(outputs, torch.from_numpy(y)) for outputs in (simulated, found)]
            totals += [total for total, _ in parts]
            count += parts[0][1]
        scores = (float(totals[0] / count), float(totals[1] / count)) if testing else None
        return Trial(scores, count, difference, largest)

    def check(self, answer: Answer, path: Path) -> None:
        """Raises UserError when a file that should be exact is not."""
        trial = self.trial(answer)
        if self.form.exact and not trial.exact:
            raise UserError(
                f"{path}: an output is {trial.difference:.3g} off the simulated one; do not use this file"
            )

    def card(self, trial: Trial) -> Card:
        """The card of a file that answered so."""
        run, model, experiment = self.run, self.model, self.run.experiment
        state = {name: tensor.numpy() for name, tensor in model.network.state_dict().items()}
        return Card(
            run=run.folder.path.name,
            scenario=run.scenario.run.name,
            settings=run.scenario.settings_hash(),
            strategy=run.scenario.strategy.name,
            round=run.round,
            client=model.client,
            model={"name": model.architecture.name, **model.architecture.options},
            task=experiment.task_name,
            score=experiment.score.record(),
            simulated=None if trial.scores is None else trial.scores[0],
            measured=None if trial.scores is None else trial.scores[1],
            samples=trial.samples,
            density=model.density,
            parameters=sum(parameter.numel() for parameter in self.network.parameters()),
            input_shape=model.features.shape,
            input_dtype=model.architecture.input_dtype,
            normalisation=_normalisation(model),
            labels=model.labels,
            precision=self.form.precision,
            svd=self.form.svd,
            difference=trial.difference,
            largest_output=trial.largest,
            weights_sha256=weights_hash(state),
            versions={name: version(name) for name in _packages(self.form)},
        )

    def _testing(self) -> bool:
        return len(self.run.experiment.partition.test(self.model.client)) > 0

    def _batches(self) -> Iterator[tuple[Array, Array]]:
        """The client's samples to try a file on, shifted as the client has them."""
        samples, client = self.run.experiment.samples, self.model.client
        x, y = samples.testing(client) if self._testing() else samples.training(client)
        for start in range(0, len(y), BATCH):
            yield x[start : start + BATCH], y[start : start + BATCH]


def _normalisation(model: PersonalModel) -> str:
    """How a stored sample becomes an input, as a formula."""
    features = model.features
    if features.vocabulary is not None:
        return "token ids as they are"
    if features.mean is None or features.std is None:
        return "values as they are"
    scaled = "pixel / 255" if features.dtype == "uint8" else "value"
    axis = "channel" if len(features.shape) == 3 else "column"
    mean, std = (", ".join(f"{value:.8g}" for value in values) for values in (features.mean, features.std))
    return f"({scaled} - mean) / std by {axis}, mean {mean}, std {std}"


def _packages(form: Form) -> tuple[str, ...]:
    return ("torch", "onnx", "onnxruntime") if form.target == "onnx" else ("torch",)
