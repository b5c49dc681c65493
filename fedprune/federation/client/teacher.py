"""Who teaches a client in a round, as the scenario's ``[distill]`` says, whatever its strategy."""

from __future__ import annotations

from fedprune.compute.distillation import Lesson
from fedprune.compute.model import LocalModel
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment
from fedprune.federation.protocol.memory import ClientMemory
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays


class Teacher:
    """The teacher of one client in one round."""

    def __init__(self, experiment: Experiment, work: LocalWork, kept: ClientMemory) -> None:
        self._experiment, self._work, self._kept = experiment, work, kept
        self._kind = experiment.scenario.distill.teacher if experiment.scenario.distill.alpha else "none"
        self._model: LocalModel | None = None

    def meet(self, weights: Arrays, mask: Mask) -> None:
        """Before training: see what the client received."""
        previous = self._kept.weights if self._experiment.strategy.keeps_model else self._kept.teacher
        if self._kind == "previous" and previous:
            self._model = self._holding(previous, self._kept.mask)
        elif self._kind in ("received", "previous"):
            self._model = self._holding(weights, mask)

    def lesson(self) -> Lesson | None:
        """The loss of this round's training; None for the task's loss alone.

        A local teacher is trained when it is first asked, so a strategy with a loss of its own pays nothing.
        """
        if self._kind == "local" and self._model is None:
            initial = self._experiment.teacher.initial_weights(self._experiment.scenario.run.seed)
            made = self._experiment.teacher
            learned = self._work.study(made, {**initial, **self._kept.teacher})
            self._model = self._experiment.state(learned, Mask(), made).local()
        return None if self._model is None else self._of(self._model)

    def before_prune(self, weights: Arrays, mask: Mask) -> Lesson | None:
        """The loss of the recovery after a prune; None for the task's loss alone."""
        return self._of(self._holding(weights, mask)) if self._experiment.scenario.distill.alpha else None

    def keeps(self, weights: Arrays) -> Arrays:
        """What the client keeps for its next round's teacher; ``weights`` are its own model now."""
        if self._kind == "previous" and not self._experiment.strategy.keeps_model:
            return {name: weights[name] for name in self._experiment.architecture.shapes}
        if self._kind == "local" and self._model is not None:
            return self._model.weights()
        return self._kept.teacher

    def _holding(self, weights: Arrays, mask: Mask) -> LocalModel:
        return self._experiment.model({**self._experiment.initial, **weights}, mask)

    def _of(self, model: LocalModel) -> Lesson:
        distill = self._experiment.scenario.distill
        return Lesson(model.module, distill.alpha, distill.temperature)
