"""What happens on a client between decoding and encoding: it receives, trains, decides and reports."""

from __future__ import annotations

from dataclasses import replace

from fedprune.compute.request import ScoreRequest
from fedprune.federation.client.teacher import Teacher
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment, Samples
from fedprune.federation.protocol.memory import ClientMemory
from fedprune.federation.protocol.messages import Order, Report
from fedprune.pruning.cost import cost_under
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.strategy import Client
from fedprune.types import Arrays


class LocalClient(LocalWork, Client):
    """A strategy's view of a client that has data: ``Client``'s state, and ``LocalWork`` to compute with."""

    def __init__(self, experiment: Experiment, order: Order, kept: ClientMemory, shared: Mask) -> None:
        final, samples = order.phase != "train", experiment.training(order.client)
        LocalWork.__init__(self, experiment, order.client, order.round, samples, final=final)
        Client.__init__(
            self,
            id=order.client,
            round=order.round,
            final=final,
            rounds=experiment.scenario.run.rounds,
            epochs=experiment.scenario.train.epochs,
            weights={**experiment.initial, **kept.weights},
            mask=kept.mask,
            shared=shared,
            state=dict(kept.state),
            initial=experiment.initial,
            prunable=experiment.architecture.prunable,
            groups=experiment.architecture.groups,
        )


class LocalRound:
    """One client in one round; its methods are called in the order in which they stand."""

    def __init__(self, experiment: Experiment, order: Order, kept: ClientMemory, shared: Mask) -> None:
        """Prepare a client that holds ``kept``; ``shared`` is the mask that both sides know by now."""
        self._experiment, self._order, self._kept = experiment, order, kept
        self._testing = experiment.testing(order.client) if order.evaluate else None
        self._score_before: float | None = None
        self.client = LocalClient(experiment, order, kept, shared)
        self.teacher = Teacher(experiment, self.client, kept)

    def receive(self, arrays: Arrays) -> None:
        """Let the strategy merge what came down, and test the result."""
        # A strategy may work on what it is handed; what both sides hold stays as it came.
        self._experiment.strategy.receive(self.client, _copies(arrays))
        self._score_before = self._score(self.client.weights, self.client.mask, self._testing)

    def held(self) -> tuple[Arrays, Mask]:
        """What the client has after the last round: its own model where its method keeps one, else what it
        received.

        Returns:
            Weights in full coordinates, zero where pruned, and the mask.
        """
        weights, mask = self.client.weights, self.client.mask
        if self._experiment.strategy.keeps_model and self._kept.weights:
            weights, mask = {**self._experiment.initial, **self._kept.weights}, self._kept.mask
        return mask.apply({name: weights[name] for name in self._experiment.architecture.shapes}), mask

    def train(self) -> None:
        """Train under the mask. Raises DivergedError."""
        client, strategy = self.client, self._experiment.strategy
        self.teacher.meet(client.weights, client.mask)
        client.lesson = self.teacher.lesson
        strategy.before_training(client)
        strategy.train(client)

    def decide(self) -> None:
        """The prune decision, and the recovery from it where the scenario asks for one."""
        client, strategy = self.client, self._experiment.strategy
        if not self._experiment.scenario.distill.recover:
            strategy.after_training(client)
            return
        weights, mask = _copies(client.weights), client.mask.copy()
        strategy.after_training(client)
        shapes = {name: kept.shape for name, kept in client.mask.items()}
        if not mask.with_dense(shapes).is_subset(client.mask):
            lesson = self.teacher.before_prune(weights, mask)
            client.weights = client.recover(client.weights, client.mask, lesson)

    def report(self) -> Report:
        """What there is to say of the round; whether a version is kept is known later."""
        client, order = self.client, self._order
        validation = self._experiment.gating(order.client) if order.validation else None
        spent = cost_under(self._experiment.architecture, client.mask)
        return Report(
            round=order.round,
            client=order.client,
            samples=client.samples,
            kept=False,
            multiply_adds=spent.multiply_adds,
            parameters=spent.parameters,
            training_multiply_adds=client.passes.multiply_adds if order.counts_work else None,
            train_loss=client.loss,
            gate_score=client.gate_score,
            validation_score=self._score(client.weights, client.mask, validation),
            test_score_before=self._score_before,
            test_score_after=self._score(client.weights, client.mask, self._testing),
        )

    def deployed(self) -> Report:
        """The final report, of the model that the client would use: the one it kept, where it is its own."""
        experiment, kept, client = self._experiment, self._kept, self.client
        own = kept.weights if experiment.strategy.keeps_model else {}
        received = client.shared if experiment.strategy.keeps_model else client.mask
        mask = kept.mask if own else received
        spent = cost_under(experiment.architecture, mask)
        return replace(
            self.report(),
            multiply_adds=spent.multiply_adds,
            parameters=spent.parameters,
            alive=alive_unless_told(experiment, mask, client.shared),
            test_score_personal=self._score(own, mask, experiment.testing(client.id)) if own else None,
        )

    def _score(self, weights: Arrays, mask: Mask, samples: Samples | None) -> float | None:
        if samples is None or not len(samples[1]):
            return None
        state = self._experiment.state({**self._experiment.initial, **weights}, mask)
        return self._experiment.trainer.score(ScoreRequest(state, samples))


def alive_unless_told(experiment: Experiment, mask: Mask, shared: Mask) -> list[int] | None:
    """How much of each prunable parameter lives, where the mask that the server knows does not say so."""
    mine, theirs = kept_counts(mask, experiment.prunable), kept_counts(shared, experiment.prunable)
    return None if mine == theirs else mine


def _copies(arrays: Arrays) -> Arrays:
    return {name: value.copy() for name, value in arrays.items()}
