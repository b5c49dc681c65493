"""After the last round: the clients of the final evaluation personalize their models, as [personalize] says.

It is sent what the next round would send it, and the masks that all clients share. What it makes of its model
is in ``client/personalize.py``; it answers with the figures of ``personal.jsonl``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flwr.serverapp import Grid

from fedprune.federation.finished import FinishedFederation
from fedprune.federation.protocol.personal import PersonalScore, encode_masks, packed, shared_masks
from fedprune.federation.server import records
from fedprune.federation.server.conversation import Accepted
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.final import asked
from fedprune.federation.server.round import Exchange, Round
from fedprune.federation.server.survey import OnAnswer, Record, Survey, exchange_with_all
from fedprune.pruning.cost import Cost, cost_under
from fedprune.pruning.mask import Mask
from fedprune.runs.files import explained
from fedprune.runs.folder import RunFolder
from fedprune.runs.personal import answers_so_far, personal_store, personalized_as, write_personal
from fedprune.scenario.sections import PersonalizeSection
from fedprune.wire.errors import CodecError


def personalize(
    grid: Grid, folder: RunFolder, section: PersonalizeSection, told: OnAnswer = lambda done, clients: None
) -> None:
    """Let every client of a complete run personalize its model, unless they have, by these very settings.

    Args:
        grid: where the clients are.
        folder: the run's, locked by the caller.
        section: how; without densities nothing happens.
        told: how many clients have answered.

    Raises:
        MissingClientsError: fewer answered than ``evaluate.quorum`` asks for; the others' answers are kept.
    """
    settings = section.plain()
    if not section.densities or personalized_as(folder) == settings:
        return
    run = FinishedFederation.open(folder.path)
    store = personal_store(folder)
    with explained("make", store.folder):
        store.folder.mkdir(exist_ok=True)
    question = Personalizing(run.server, section)
    answers, missing = question.survey(folder, exchange_with_all(grid, run.server), told).run()
    rows = [row for answer in answers for row in question.rows(answer)]
    write_personal(folder, settings, rows, records.failures(missing))
    answers_so_far(folder).unlink(missing_ok=True)


@dataclass(frozen=True)
class Personalizing:
    """What clients are asked after the last round, and how their answers are read."""

    federation: Federation
    section: PersonalizeSection

    def survey(self, folder: RunFolder, exchange: Exchange, told: OnAnswer) -> Survey:
        """The question to all clients; an answer is a record of one client with all its models."""
        settings = json.dumps(self.section.plain(), sort_keys=True)
        return Survey(
            name="personalization",
            federation=self.federation,
            clients=asked(self.federation.scenario),
            exchange=exchange,
            told=told,
            path=answers_so_far(folder),
            about=f"{self.federation.identity()} personalized by {settings}",
            opened=lambda clients: Round(
                self.federation,
                self.federation.state.round + 1,
                clients,
                phase="personalize",
                personalize=self.section.plain(),
                shared=self._packed,
            ),
            record=self._record,
            fields=("client", "bytes_down", "bytes_up", "models"),
            again=f"fedprune personalize {folder.path}",
        )

    def rows(self, answer: Mapping[str, Any]) -> list[Record]:
        """The lines of ``personal.jsonl`` of one client's answer.

        What went down for a model is the whole order; but the masks that all share count for the models
        under them alone, each its own.
        """
        without = answer["bytes_down"] - len(self._packed)
        return [
            {
                "client": answer["client"],
                **model,
                "bytes_down": without
                + (len(self._coded[model["target"]]) if model["kind"] == "shared" else 0),
                "bytes_up": answer["bytes_up"],
            }
            for model in answer["models"]
        ]

    @cached_property
    def _coded(self) -> dict[float, bytes]:
        """Density -> the mask that all clients share, as bytes; empty where the server has no whole model."""
        weights = self.federation.global_model()
        if weights is None:
            return {}
        return encode_masks(shared_masks(self.federation.experiment, self.section, weights))

    @cached_property
    def _packed(self) -> bytes:
        return packed(self._coded) if self._coded else b""

    def _record(self, reply: Accepted) -> Record:
        """A client's answer as plain data. Raises CodecError for one that cannot be."""
        models = reply.report.personal or []
        self.check(models)
        return {
            "client": reply.report.client,
            "bytes_down": reply.bytes_down.total,
            "bytes_up": reply.bytes_up.total,
            "models": [dataclasses.asdict(model) for model in models],
        }

    def check(self, models: list[PersonalScore]) -> None:
        """Raises CodecError for models that nobody asked for, or whose figures cannot be."""
        kinds = ("own", "shared", "random") if self._coded else ("own", "random")
        wanted = [("dense", 1.0), *((kind, share) for share in self.section.densities for kind in kinds)]
        if (said := [(model.kind, model.target) for model in models]) != wanted:
            raise CodecError(f"personal models {said[:3]}..., asked for were {wanted[:3]}...")
        if sum(model.chosen for model in models) != 1:
            raise CodecError("not one of the personal models is the chosen one")
        whole = cost_under(self.federation.experiment.architecture, Mask())
        for model in models:
            self._check_figures(model, whole)

    def _check_figures(self, model: PersonalScore, whole: Cost) -> None:
        if model.multiply_adds > whole.multiply_adds or model.parameters > whole.parameters:
            raise CodecError(f"a personal model of {model.parameters} parameters, the whole one has fewer")
        for name in ("validation_score", "test_score"):
            try:
                self.federation.experiment.score.check(name, getattr(model, name))
            except ValueError as error:
                raise CodecError(str(error)) from None
