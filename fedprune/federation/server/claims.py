"""What a report claims, checked against what the server knows; each function raises CodecError, saying what
does not fit.

A report is anybody's. What it says of itself must hold together with its order, with the mask that travels
and with the model, or else one client could falsify the figures of a whole run.
"""

from __future__ import annotations

import dataclasses
import operator

from fedprune.federation.experiment import Experiment
from fedprune.federation.protocol.link import Link, SharedMemory
from fedprune.federation.protocol.memory import ServerMemory
from fedprune.federation.protocol.messages import Report
from fedprune.federation.server.outliers import is_variance
from fedprune.pruning.cost import whole_cost
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.types import Arrays
from fedprune.wire.errors import CodecError

_SCORES = tuple(item.name for item in dataclasses.fields(Report) if "_score" in item.name)
"""The fields of a report that hold scores."""


def check_report(report: Report, link: Link) -> None:
    """The report answers this order, and its numbers are possible for this client and this model."""
    asked = (link.round, link.client)
    if (report.round, report.client) != asked:
        raise CodecError(
            f"reply of client {report.client} in round {report.round}, not {asked[1]} in {asked[0]}"
        )
    if report.samples != (own := len(link.experiment.partition.train(link.client))):
        raise CodecError(f"{report.samples} training samples, its partition has {own}")
    for name in _SCORES:
        try:
            link.experiment.score.check(name, getattr(report, name))
        except ValueError as error:
            raise CodecError(str(error)) from None
    whole = whole_cost(link.experiment.architecture)
    for name, most in (("multiply_adds", whole.multiply_adds), ("parameters", whole.parameters)):
        if (said := getattr(report, name)) > most:
            raise CodecError(f"{said} {name.replace('_', '-')}, the whole model has {most}")


def check_work(report: Report, *, asked: bool) -> None:
    """The report counts the round's multiply-adds where the order ``asked`` for it, and only there."""
    if (report.training_multiply_adds is not None) != asked:
        said = "none are told" if asked else "nobody asked for them"
        raise CodecError(f"multiply-adds of the training: {said}")


def check_kept(report: Report, experiment: Experiment, shared: SharedMemory, *, training: bool) -> None:
    """The client wrote a version of its state where its method has it keep something, and none at the end.

    Args:
        report: says whether it did.
        experiment: has the method.
        shared: what both sides know once the reply is accepted, which a client keeps.
        training: whether this is a round of training.
    """
    if report.kept and not training:
        raise CodecError("kept: nothing is kept of the evaluation at the end")
    whole = experiment.architecture.shapes.keys() <= experiment.travelling.keys()
    keeps = ServerMemory(shared).arrays() or experiment.strategy.keeps_model or not whole
    if keeps and training and not report.kept:
        raise CodecError("kept: the client says that it kept nothing, which its method does not allow")


def alive(report: Report, experiment: Experiment, mask: Mask, *, training: bool) -> list[int]:
    """Kept coordinates of each prunable parameter, in order: as the mask that travels tells, or as claimed.

    Args:
        report: claims them where the client's own mask differs from the one that travels.
        experiment: has the parameters.
        mask: what travels.
        training: whether that mask is of this round's training, whose coordinates then live. A model that is
            deployed at the end may be older.
    """
    shapes = experiment.prunable
    if report.alive is None:
        return kept_counts(mask, shapes)
    sizes = kept_counts(Mask(), shapes)
    if len(report.alive) != len(sizes) or any(map(operator.gt, report.alive, sizes)):
        raise CodecError(f"kept weights {report.alive}, the model has {sizes}")
    travel = [int(mask[name].sum()) if training and name in mask else 0 for name in shapes]
    if any(map(operator.lt, report.alive, travel)):
        raise CodecError(f"kept weights {report.alive}, its mask alone has {travel}")
    return report.alive


def check_variances(arrays: Arrays) -> None:
    """No running variance is negative: its square root would be NaN on every client."""
    for name, value in arrays.items():
        if is_variance(name) and value.min(initial=0) < 0:
            raise CodecError(f"{name}: a variance of {value.min():.3g} is negative")
